/* SPDX-License-Identifier: GPL-2.0-only */
/* What a piece of code prints, as strings: stdout and stderr are streams in memory between begin and end. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* log.h has a function of that name; cmocka's fail_msg() needs the macro and is lost with it */
#undef fail

struct capture {
	char *out, *err;
	size_t out_len, err_len;
	FILE *old_out, *old_err;
};

static inline void capture_begin(struct capture *c)
{
	c->old_out = stdout;
	c->old_err = stderr;
	stdout = open_memstream(&c->out, &c->out_len);
	stderr = open_memstream(&c->err, &c->err_len);
	if (!stdout || !stderr)
		abort();
}

/* Both texts are there after it, until capture_free(). */
static inline void capture_end(struct capture *c)
{
	fclose(stdout);
	fclose(stderr);
	stdout = c->old_out;
	stderr = c->old_err;
}

static inline void capture_free(struct capture *c)
{
	free(c->out);
	free(c->err);
}

/* Runs a statement and compares all that it printed. */
#define assert_prints(want_out, want_err, statement) \
	do { \
		struct capture capture_; \
		capture_begin(&capture_); \
		statement; \
		capture_end(&capture_); \
		assert_string_equal(capture_.out, want_out); \
		assert_string_equal(capture_.err, want_err); \
		capture_free(&capture_); \
	} while (0)
