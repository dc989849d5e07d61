/* SPDX-License-Identifier: GPL-2.0-only */
/* Printing state: one call gives text or JSON, so that a printer is written once. */
#include <inttypes.h>
#include <stdlib.h>

#include "out.h"

#define DEPTH_MAX 16

bool out_json, out_pretty;

/* What is open, from the outside in: the character that closes it, and whether something is in it. */
static struct {
	char close;
	bool filled;
} stack[DEPTH_MAX];
static unsigned depth;

/* Length of the UTF-8 character that begins at s, 0 if none does. Overlong forms and surrogates are none. */
static size_t utf8_len(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* Bytes of text that stand for themselves, from its beginning on. */
static size_t plain_len(const char *text)
{
	size_t n = 0;

	while (text[n] >= ' ' && text[n] < 0x7f && text[n] != '"' && text[n] != '\\')
		n++;
	return n;
}

/* Streams are ours alone: without their locks a list of a million flows is written in a third of the time. */
void out_quote(FILE *f, const char *text)
{
	putc_unlocked('"', f);
	while (*text) {
		size_t n = plain_len(text);

		if (n == 0)
			n = utf8_len(text);
		if (n == 0) {
			fputs("\\ufffd", f);
			n = 1;
		} else if (*text == '"' || *text == '\\') {
			fprintf(f, "\\%c", *text);
		} else if (*text == '\n') {
			fputs("\\n", f);
		} else if (*text == '\t') {
			fputs("\\t", f);
		} else if ((unsigned char)*text < 0x20 || *text == 0x7f) {
			fprintf(f, "\\u%04x", (unsigned char)*text);
		} else {
			fwrite_unlocked(text, 1, n, f);
		}
		text += n;
	}
	putc_unlocked('"', f);
}

static void new_line(void)
{
	if (!out_pretty)
		return;
	putchar('\n');
	for (unsigned i = 0; i < depth; i++)
		fputs("  ", stdout);
}

/* What stands before a value: comma, line, key. */
static void begin_value(const char *key)
{
	if (depth) {
		if (stack[depth - 1].filled)
			putchar_unlocked(',');
		stack[depth - 1].filled = true;
		new_line();
	}
	if (key) {
		out_quote(stdout, key);
		fputs_unlocked(out_pretty ? ": " : ":", stdout);
	}
}

static void open_level(const char *key, char open, char close)
{
	if (!out_json)
		return;
	if (depth == DEPTH_MAX)
		abort();
	begin_value(key);
	putchar_unlocked(open);
	stack[depth].close = close;
	stack[depth].filled = false;
	depth++;
}

static void close_level(char close)
{
	if (!out_json)
		return;
	if (depth == 0 || stack[depth - 1].close != close)
		abort();
	depth--;
	if (stack[depth].filled)
		new_line();
	putchar_unlocked(close);
	if (depth == 0)
		putchar('\n');
}

void out_open_object(const char *key)
{
	open_level(key, '{', '}');
}

void out_close_object(void)
{
	close_level('}');
}

void out_open_array(const char *key)
{
	open_level(key, '[', ']');
}

void out_close_array(void)
{
	close_level(']');
}

void out_str(const char *key, const char *fmt, const char *value)
{
	if (!out_json) {
		if (fmt)
			printf(fmt, value ? value : "-");
	} else if (key) {
		begin_value(key);
		if (value)
			out_quote(stdout, value);
		else
			fputs_unlocked("null", stdout);
	}
}

void out_item(const char *fmt, const char *value)
{
	if (out_json) {
		begin_value(NULL);
		out_quote(stdout, value);
	} else if (fmt) {
		printf(fmt, value);
	}
}

static void number(uint64_t value)
{
	char digits[20];
	size_t i = sizeof(digits);

	do
		digits[--i] = '0' + value % 10;
	while (value /= 10);
	fwrite_unlocked(digits + i, 1, sizeof(digits) - i, stdout);
}

void out_u64(const char *key, const char *fmt, uint64_t value)
{
	if (!out_json) {
		if (fmt)
			printf(fmt, value);
	} else if (key) {
		begin_value(key);
		number(value);
	}
}

void out_real(const char *key, const char *fmt, double value)
{
	if (!out_json) {
		if (fmt)
			printf(fmt, value);
		return;
	}
	begin_value(key);
	printf("%.6g", value);
}

void out_bool(const char *key, const char *text_if_true, bool value)
{
	if (!out_json) {
		if (value && text_if_true)
			fputs(text_if_true, stdout);
	} else if (key) {
		begin_value(key);
		fputs_unlocked(value ? "true" : "false", stdout);
	}
}

void out_text(const char *fmt, ...)
{
	va_list ap;

	if (out_json)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

const char *out_human(uint64_t n, char *buf, size_t size)
{
	static const char units[] = "kMGTPE";
	uint64_t unit = 1000;
	size_t i = 0;

	if (n < 1000) {
		snprintf(buf, size, "%" PRIu64, n);
		return buf;
	}
	while (units[i + 1] && n / unit >= 1000) {
		unit *= 1000;
		i++;
	}
	/* cut, not rounded: 999,999 stays below the next unit */
	if (n / unit < 100)
		snprintf(buf, size, "%u.%u%c", (unsigned)(n / unit), (unsigned)(n / (unit / 10) % 10), units[i]);
	else
		snprintf(buf, size, "%u%c", (unsigned)(n / unit), units[i]);
	return buf;
}
