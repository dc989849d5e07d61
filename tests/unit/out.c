/* SPDX-License-Identifier: GPL-2.0-only */
/* Printing state: golden text and JSON from the same calls. */
#include <inttypes.h>

#include "capture.h"
#include "out.h"

static int reset(void **state)
{
	(void)state;
	out_json = false;
	out_pretty = false;
	return 0;
}

/* A printer as the verbs have it: two ports in a network. */
static void print(void)
{
	out_open_object(NULL);
	out_str("name", "network %s\n", "t0");
	out_str("uplink", NULL, NULL);
	out_u64("mtu", "mtu %" PRIu64, 1500);
	out_str(NULL, "%s", "");
	out_bool("up", ", up", true);
	out_bool("gone", ", gone", false);
	out_text("\n%d ports\n", 2);
	out_open_array("ports");
	for (uint64_t i = 0; i < 2; i++) {
		out_open_object(NULL);
		out_str("name", "%-4s ", i ? "b" : "a");
		out_u64("rx", "%5" PRIu64 "\n", i ? UINT64_MAX : 0);
		out_real("of", NULL, i ? 1234567 : 0.25);
		out_close_object();
	}
	out_close_array();
	out_open_array("none");
	out_close_array();
	out_open_array("two");
	out_item(NULL, "a");
	out_item("%s\n", "\"");
	out_close_array();
	out_open_object("empty");
	out_close_object();
	out_close_object();
}

static void text_is_what_the_formats_say(void **state)
{
	(void)state;
	assert_prints("network t0\nmtu 1500, up\n2 ports\na        0\nb    18446744073709551615\n\"\n", "", print());
	assert_prints("[-]", "", out_str("name", "[%s]", NULL));
}

static void json_has_the_keys(void **state)
{
	(void)state;
	out_json = true;
	assert_prints(
		"{\"name\":\"t0\",\"uplink\":null,\"mtu\":1500,\"up\":true,\"gone\":false,"
		"\"ports\":[{\"name\":\"a\",\"rx\":0,\"of\":0.25},{\"name\":\"b\",\"rx\":18446744073709551615,\"of\":1.23457e+06}],"
		"\"none\":[],\"two\":[\"a\",\"\\\"\"],\"empty\":{}}\n",
		"", print());
	/* a second document begins afresh */
	assert_prints("[]\n{\"a\":\"\"}\n", "",
		      (out_open_array(NULL), out_close_array(), out_open_object(NULL), out_str("a", "", ""),
		       out_close_object()));
}

static void pretty_json_is_indented(void **state)
{
	(void)state;
	out_json = true;
	out_pretty = true;
	assert_prints(
		"{\n  \"name\": \"t0\",\n  \"uplink\": null,\n  \"mtu\": 1500,\n  \"up\": true,\n  \"gone\": false,\n"
		"  \"ports\": [\n    {\n      \"name\": \"a\",\n      \"rx\": 0,\n      \"of\": 0.25\n    },\n"
		"    {\n      \"name\": \"b\",\n      \"rx\": 18446744073709551615,\n      \"of\": 1.23457e+06\n    }\n  ],\n"
		"  \"none\": [],\n  \"two\": [\n    \"a\",\n    \"\\\"\"\n  ],\n  \"empty\": {}\n}\n",
		"", print());
}

static void strings_are_escaped(void **state)
{
	static const struct {
		const char *text, *json;
	} rows[] = {
		{ "", "\"\"" },
		{ "plain /", "\"plain /\"" },
		{ "\"\\", "\"\\\"\\\\\"" },
		{ "\n\t\r\b", "\"\\n\\t\\u000d\\u0008\"" },
		{ "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"" },
		{ "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xa7", "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xa7\"" },
		{ "\xf4\x8f\xbf\xbf \xed\x9f\xbf \xee\x80\x80", "\"\xf4\x8f\xbf\xbf \xed\x9f\xbf \xee\x80\x80\"" },
		{ "\xff", "\"\\ufffd\"" },
		{ "\x80", "\"\\ufffd\"" },
		{ "a\xc3", "\"a\\ufffd\"" },            /* cut short by the end */
		{ "\xe2\x82z", "\"\\ufffd\\ufffdz\"" }, /* cut short by another character */
		{ "\xc0\xaf", "\"\\ufffd\\ufffd\"" },   /* overlong */
		{ "\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf0\x80\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },            /* surrogate */
		{ "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" }, /* beyond U+10FFFF */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_prints(rows[i].json, "", out_quote(stdout, rows[i].text));
}

static void numbers_are_short_in_columns(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 999, "999" },
		{ 1000, "1.0k" },
		{ 1299, "1.2k" },
		{ 99999, "99.9k" },
		{ 123456, "123k" },
		{ 999999, "999k" },
		{ 1000000, "1.0M" },
		{ 3400000000, "3.4G" },
		{ 5600000000000, "5.6T" },
		{ 7000000000000000, "7.0P" },
		{ UINT64_MAX, "18.4E" },
	};
	char buf[8];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(out_human(rows[i].n, buf, sizeof(buf)), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(text_is_what_the_formats_say, reset),
		cmocka_unit_test_setup(json_has_the_keys, reset),
		cmocka_unit_test_setup(pretty_json_is_indented, reset),
		cmocka_unit_test_setup(strings_are_escaped, reset),
		cmocka_unit_test_setup(numbers_are_short_in_columns, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
