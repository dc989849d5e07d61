/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages to the user: one line each, and the exit code that goes with the last error. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "out.h"

#define MESSAGE_LEN 2048
#define EXCERPT_LEN 100

int log_level;
bool log_json;

unsigned progress_after_ms = 1000;
static bool progress_shown;

static enum log_exit last_exit;
static bool holding;
static struct {
	enum log_exit code;
	char text[MESSAGE_LEN], hint[MESSAGE_LEN];
} held;
static char hint_text[MESSAGE_LEN];
static char excerpt_text[EXCERPT_LEN];
static size_t excerpt_at;

/* Messages quote what users and files say: a control character must not reach the terminal or begin a line. */
static void put_plain(const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			fprintf(stderr, "\\x%02x", c);
		else
			putc(c, stderr);
	}
}

static void progress_clear(void)
{
	if (progress_shown)
		fputs("\r\033[K", stderr);
	progress_shown = false;
}

static void put_line(const char *prefix, const char *text)
{
	flockfile(stderr);
	progress_clear();
	fputs(prefix, stderr);
	put_plain(text);
	putc('\n', stderr);
	funlockfile(stderr);
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* The caret's line has a blank for each character before it, and a tab for each tab, so that both lines agree. */
static void put_excerpt(void)
{
	fprintf(stderr, "    %s\n    ", excerpt_text);
	for (size_t i = 0; i < excerpt_at; i++)
		if (!is_continuation(excerpt_text[i]))
			putc(excerpt_text[i] == '\t' ? '\t' : ' ', stderr);
	fputs("^\n", stderr);
}

static void put_error(enum log_exit code, const char *text)
{
	last_exit = code;
	if (log_json) {
		fputs("{\"error\":", stdout);
		out_quote(stdout, text);
		fputs(",\"hint\":", stdout);
		if (hint_text[0])
			out_quote(stdout, hint_text);
		else
			fputs("null", stdout);
		printf(",\"code\":%d}\n", code);
		fflush(stdout);
	} else {
		put_line("nsfast: ", text);
		if (excerpt_text[0])
			put_excerpt();
		if (hint_text[0])
			put_line("hint: ", hint_text);
	}
	hint_text[0] = '\0';
	excerpt_text[0] = '\0';
}

static void hold_error(enum log_exit code, const char *text)
{
	if (!held.code) {
		held.code = code;
		strcpy(held.text, text);
		strcpy(held.hint, hint_text);
	}
	hint_text[0] = '\0';
	excerpt_text[0] = '\0';
}

void log_hold(void)
{
	holding = true;
	held.code = EXIT_OK;
}

enum log_exit log_release(bool tell, const char **ret_text)
{
	holding = false;
	*ret_text = held.text;
	if (tell && held.code) {
		strcpy(hint_text, held.hint);
		put_error(held.code, held.text);
	}
	return held.code;
}

static void vfail(enum log_exit code, int err, const char *fmt, va_list ap)
{
	char text[MESSAGE_LEN];
	size_t n;

	vsnprintf(text, sizeof(text), fmt, ap);
	n = strlen(text);
	if (err)
		snprintf(text + n, sizeof(text) - n, ": %s", strerror(-err));
	if (holding)
		hold_error(code, text);
	else
		put_error(code, text);
}

int fail(int err, const char *fmt, ...)
{
	enum log_exit code = err == -EPERM || err == -EACCES ? EXIT_PRIVILEGE : EXIT_KERNEL;
	va_list ap;

	va_start(ap, fmt);
	vfail(code, err, fmt, ap);
	va_end(ap);
	return err;
}

int fail_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfail(EXIT_USAGE, 0, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int fail_missing(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfail(EXIT_MISSING, 0, fmt, ap);
	va_end(ap);
	return -ENOENT;
}

int fail_privilege(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfail(EXIT_PRIVILEGE, 0, fmt, ap);
	va_end(ap);
	return -EPERM;
}

int fail_feature(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfail(EXIT_FEATURE, 0, fmt, ap);
	va_end(ap);
	return -EOPNOTSUPP;
}

void hint(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(hint_text, sizeof(hint_text), fmt, ap);
	va_end(ap);
}

void excerpt(const char *line, size_t at)
{
	size_t from, n = 0;

	excerpt_text[0] = '\0';
	if (!line)
		return;
	/* of a long line the part around the caret */
	from = at > EXCERPT_LEN / 2 ? at - EXCERPT_LEN / 2 : 0;
	while (from && is_continuation(line[from]))
		from--;
	excerpt_at = at - from;
	for (line += from; *line && n < sizeof(excerpt_text) - 1; line++) {
		unsigned char c = (unsigned char)*line;

		excerpt_text[n++] = (c < 0x20 && c != '\t') || c == 0x7f ? '?' : *line;
	}
	excerpt_text[n] = '\0';
	if (excerpt_at > n)
		excerpt_at = n;
}

static void vput(const char *prefix, const char *fmt, va_list ap)
{
	char text[MESSAGE_LEN];

	vsnprintf(text, sizeof(text), fmt, ap);
	put_line(prefix, text);
}

void warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vput("nsfast: warning: ", fmt, ap);
	va_end(ap);
}

void info(const char *fmt, ...)
{
	va_list ap;

	if (log_level < 0)
		return;
	va_start(ap, fmt);
	vput("nsfast: ", fmt, ap);
	va_end(ap);
}

void progress(const char *fmt, ...)
{
	static unsigned long long first;
	struct timespec t;
	unsigned long long now;
	va_list ap;

	if (!fmt || log_level < 0 || !isatty(STDERR_FILENO)) {
		progress_clear();
		return;
	}
	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	now = (unsigned long long)t.tv_sec * 1000 + (unsigned long long)t.tv_nsec / 1000000;
	if (!first)
		first = now;
	if (now - first < progress_after_ms)
		return;
	progress_shown = true;
	fputs("\r\033[K", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
}

void debug(const char *fmt, ...)
{
	va_list ap;

	if (log_level < 1)
		return;
	va_start(ap, fmt);
	vput("nsfast: debug: ", fmt, ap);
	va_end(ap);
}

enum log_exit log_exit_code(void)
{
	return last_exit;
}
