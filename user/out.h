/* SPDX-License-Identifier: GPL-2.0-only */
/* Printing state: one call gives text or JSON, so that a printer is written once. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <inttypes.h>
#include <stdio.h>

/* JSON instead of text; indented JSON. Set by main alone. */
extern bool out_json, out_pretty;

/*
 * JSON nesting; a key is NULL inside an array and at the top. In text mode these print nothing.
 *	out_open_array(NULL); for each { out_open_object(NULL); out_str("name", "%-10s ", n); out_close_object(); out_text("\n"); } out_close_array();
 */
void out_open_object(const char *key);
void out_close_object(void);
void out_open_array(const char *key);
void out_close_array(void); /* the outermost close ends the document with a newline */

/* JSON: "key": value. Text: printf(fmt, value); a NULL fmt prints nothing in text; a NULL key nothing in JSON. */
void out_str(const char *key, const char *fmt, const char *value); /* a NULL value is null in JSON, "-" in text */
void out_u64(const char *key, const char *fmt, uint64_t value);    /* fmt with PRIu64 */
void out_real(const char *key, const char *fmt, double value);     /* fmt with a double; JSON: six digits; not NaN */
void out_bool(const char *key, const char *text_if_true, bool value);
/* A string in an array. */
void out_item(const char *fmt, const char *value);
/* Text only. */
void out_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void out_quote(FILE *f, const char *text);

/* "1.2k", "3.4M": into buf (at least 8 bytes), for text columns. */
const char *out_human(uint64_t n, char *buf, size_t size);
