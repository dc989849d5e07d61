/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages to the user: one line each, and the exit code that goes with the last error. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Exit codes of the program, a contract with scripts. */
enum log_exit {
	EXIT_OK = 0,
	EXIT_USAGE = 1,     /* usage or configuration */
	EXIT_KERNEL = 2,    /* kernel or system refused */
	EXIT_MISSING = 3,   /* no such network or port */
	EXIT_PRIVILEGE = 4, /* not root, or a capability is missing */
	EXIT_FEATURE = 5,   /* kernel lacks a needed feature */
};

/* -1 quiet, 0 normal, 1 debug, 2 libbpf's debug too. Set by main alone. */
extern int log_level;
/* Errors as one JSON object on stdout instead of a line on stderr. Set by main alone. */
extern bool log_json;

/*
 * Each prints one error and returns a negative errno for the caller to pass on; who gets a negative value from a
 * function that printed only returns it. The message names the object (network/port, interface, file) and says what
 * could not be done; fail() appends ": " and the text of the errno. The exit code is remembered for log_exit_code().
 * fail() returns err, which is < 0; exit 2, or 4 for -EPERM and -EACCES.
 */
int fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int fail_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));     /* -EINVAL, exit 1 */
int fail_missing(const char *fmt, ...) __attribute__((format(printf, 1, 2)));   /* -ENOENT, exit 3 */
int fail_privilege(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* -EPERM, exit 4 */
int fail_feature(const char *fmt, ...) __attribute__((format(printf, 1, 2)));   /* -EOPNOTSUPP, exit 5 */

/* From here on the first error is kept instead of printed, and those after it are dropped. */
void log_hold(void);
/* Ends that. tell: prints what was kept, if there is something. Else its text and code, EXIT_OK if nothing was kept, and
 * it is as if it had never been. */
enum log_exit log_release(bool tell, const char **ret_text);

/* What to do next; a second line "hint: ..." after an error (a key of its error object with log_json). Call it BEFORE
 * the fail function it belongs to: the text is kept and printed with the next error, then forgotten. */
void hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The line of a file that the next error is about, printed under it with a caret below byte at. Called before the fail
 * function, as hint() is; NULL takes it back. Not in the error object: the message has line and column. */
void excerpt(const char *line, size_t at);

/* warn also when quiet. */
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));  /* to stderr, not when quiet */
void debug(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* log_level >= 1 */

/* How far a command is that takes longer than a second: on a terminal, in a line that is written over, and goes with the next
 * message or with NULL. Nothing elsewhere. */
void progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
extern unsigned progress_after_ms; /* since the first call; 1000 */

/* Exit code of the last error printed; EXIT_OK if none was. */
enum log_exit log_exit_code(void);
