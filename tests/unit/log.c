/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages: the lines, the error object, hints, excerpts and exit codes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture.h"
#include "log.h"

static int reset(void **state)
{
	(void)state;
	log_level = 0;
	log_json = false;
	return 0;
}

static void no_error_is_exit_0(void **state)
{
	(void)state;
	assert_int_equal(log_exit_code(), EXIT_OK);
}

static void each_function_has_its_errno_and_exit_code(void **state)
{
	int r;

	(void)state;
	assert_prints("", "nsfast: t0: cannot do: Device or resource busy\n", r = fail(-EBUSY, "%s: cannot do", "t0"));
	assert_int_equal(r, -EBUSY);
	assert_int_equal(log_exit_code(), EXIT_KERNEL);
	assert_prints("", "nsfast: t0: no: Operation not permitted\n", r = fail(-EPERM, "t0: no"));
	assert_int_equal(r, -EPERM);
	assert_int_equal(log_exit_code(), EXIT_PRIVILEGE);
	assert_prints("", "nsfast: t0: no: Permission denied\n", r = fail(-EACCES, "t0: no"));
	assert_int_equal(r, -EACCES);
	assert_int_equal(log_exit_code(), EXIT_PRIVILEGE);
	assert_prints("", "nsfast: bad 'x'\n", r = fail_usage("bad '%c'", 'x'));
	assert_int_equal(r, -EINVAL);
	assert_int_equal(log_exit_code(), EXIT_USAGE);
	assert_prints("", "nsfast: no network 'x'\n", r = fail_missing("no network '%s'", "x"));
	assert_int_equal(r, -ENOENT);
	assert_int_equal(log_exit_code(), EXIT_MISSING);
	assert_prints("", "nsfast: not root\n", r = fail_privilege("not root"));
	assert_int_equal(r, -EPERM);
	assert_int_equal(log_exit_code(), EXIT_PRIVILEGE);
	assert_prints("", "nsfast: no bpf\n", r = fail_feature("no bpf"));
	assert_int_equal(r, -EOPNOTSUPP);
	assert_int_equal(log_exit_code(), EXIT_FEATURE);
}

static void a_hint_goes_with_one_error_only(void **state)
{
	(void)state;
	assert_prints("", "", hint("be %s", "root"));
	assert_prints("", "nsfast: no\nhint: be root\n", fail_privilege("no"));
	assert_prints("", "nsfast: no\n", fail_privilege("no"));
}

/* What a terminal is shown: the line, then its removal before the message. */
static void a_terminal_is_told_how_far_it_is(void **state)
{
	static const char want[] = "\r\033[Kport 2 of 3\r\033[Knsfast: done\r\n";
	char shown[sizeof(want)] = "";
	int pty = posix_openpt(O_RDWR | O_NOCTTY), kept = dup(STDERR_FILENO), end;
	size_t n = 0;
	ssize_t got = 1;

	(void)state;
	assert_prints("", "", progress("port %d of 3", 1)); /* no terminal, and no second has passed */
	assert_true(pty >= 0 && kept >= 0 && !grantpt(pty) && !unlockpt(pty));
	end = open(ptsname(pty), O_RDWR | O_NOCTTY);
	assert_true(end >= 0 && dup2(end, STDERR_FILENO) == STDERR_FILENO);
	progress("port %d of 3", 1);
	progress_after_ms = 0;
	progress("port %d of 3", 2);
	info("done");
	progress(NULL);
	assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
	while (got > 0 && n < sizeof(want) - 1) {
		got = read(pty, shown + n, sizeof(want) - 1 - n);
		n += got > 0 ? (size_t)got : 0;
	}
	assert_string_equal(shown, want);
	close(end);
	close(pty);
	close(kept);
}

static void an_excerpt_has_its_caret_below_the_byte(void **state)
{
	char line[301];

	(void)state;
	excerpt("Mode=x", 5);
	assert_prints("", "nsfast: bad\n    Mode=x\n         ^\n", fail_usage("bad"));
	excerpt("\tMode=x", 6);
	hint("h");
	assert_prints("", "nsfast: bad\n    \tMode=x\n    \t     ^\nhint: h\n", fail_usage("bad"));
	excerpt("\xc3\xa4\xe2\x82\xac=x", 6);
	assert_prints("", "nsfast: bad\n    \xc3\xa4\xe2\x82\xac=x\n       ^\n", fail_usage("bad"));
	excerpt("ab", 2);
	assert_prints("", "nsfast: bad\n    ab\n      ^\n", fail_usage("bad"));
	excerpt("Mode=x", 5);
	excerpt(NULL, 0);
	assert_prints("", "nsfast: bad\n", fail_usage("bad"));

	memset(line, 'a', 300);
	line[300] = '\0';
	line[200] = 'X';
	excerpt(line, 200);
	struct capture c;
	capture_begin(&c);
	fail_usage("bad");
	capture_end(&c);
	char *text = strchr(c.err, '\n') + 1, *caret = strchr(text, '\n') + 1;
	assert_true(caret - text < 120);
	assert_int_equal(text[strchr(caret, '^') - caret], 'X');
	capture_free(&c);
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
	(void)state;
	hint("\x7f");
	assert_prints("", "nsfast: 'a\\x0ansfast: b\\x1b[2J'\nhint: \\x7f\n",
		      fail_usage("'%s'", "a\nnsfast: b\x1b[2J"));
	excerpt("a\x1b[2J", 1);
	assert_prints("", "nsfast: bad\n    a?[2J\n     ^\n", fail_usage("bad"));
}

static void an_error_is_one_object_with_json(void **state)
{
	(void)state;
	log_json = true;
	hint("say \"please\"");
	excerpt("text", 0);
	assert_prints("{\"error\":\"no 'a\\\\b\\n'\",\"hint\":\"say \\\"please\\\"\",\"code\":1}\n", "",
		      fail_usage("no '%s'", "a\\b\n"));
	assert_prints("{\"error\":\"x: No such device\",\"hint\":null,\"code\":2}\n", "", fail(-ENODEV, "x"));
	log_json = false;
	assert_prints("", "nsfast: bad\n", fail_usage("bad"));
}

static void levels_choose_what_is_printed(void **state)
{
	(void)state;
	assert_prints("", "nsfast: warning: w\nnsfast: i\n", (warn("w"), info("i"), debug("d")));
	log_level = -1;
	assert_prints("", "nsfast: warning: w\n", (warn("w"), info("i"), debug("d")));
	log_level = 1;
	assert_prints("", "nsfast: warning: w\nnsfast: i\nnsfast: debug: d 1\n",
		      (warn("w"), info("i"), debug("d %d", 1)));
}

static void the_first_error_that_is_held_is_told_or_not(void **state)
{
	const char *text;

	(void)state;
	assert_prints("", "", (log_hold(), hint("h"), fail_feature("one"), fail_usage("two")));
	assert_prints("", "", assert_int_equal(log_release(false, &text), EXIT_FEATURE));
	assert_string_equal(text, "one");
	assert_prints("", "nsfast: one\nhint: h\n", log_release(true, &text));
	assert_prints("", "", (log_hold(), log_release(true, &text)));
	assert_prints("", "nsfast: bad\n", fail_usage("bad"));
}

static void a_long_message_is_cut(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c);
	fail(-EPERM, "%05000d", 1);
	capture_end(&c);
	assert_true(c.err_len > 1000 && c.err_len < 5000);
	assert_int_equal(c.err[c.err_len - 1], '\n');
	capture_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_error_is_exit_0),
		cmocka_unit_test(each_function_has_its_errno_and_exit_code),
		cmocka_unit_test(a_hint_goes_with_one_error_only),
		cmocka_unit_test(a_terminal_is_told_how_far_it_is),
		cmocka_unit_test(an_excerpt_has_its_caret_below_the_byte),
		cmocka_unit_test(control_characters_do_not_reach_the_terminal),
		cmocka_unit_test_setup(an_error_is_one_object_with_json, reset),
		cmocka_unit_test_setup(levels_choose_what_is_printed, reset),
		cmocka_unit_test(the_first_error_that_is_held_is_told_or_not),
		cmocka_unit_test(a_long_message_is_cut),
	};

	return cmocka_run_group_tests(tests, reset, NULL);
}
