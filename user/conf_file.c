/* SPDX-License-Identifier: GPL-2.0-only */
/* The INI file: lines to sections, keys and values; every message has file, line and column. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "conf.h"
#include "log.h"

#define CONF_FILE_MAX (1024 * 1024)
#define CONF_LINE_MAX 4096
#define CONF_WHAT_LEN (PATH_MAX + 128) /* "FILE:LINE:COLUMN: KEY" */

static int read_masquerade(const char *what, const char *text, struct network *n)
{
	if (!streq(text, "yes") && !streq(text, "no"))
		return fail_usage("%s: '%s' must be yes or no", what, text);
	conf_snat6(what, streq(text, "yes") ? "auto" : "none", n);
	return conf_snat(what, streq(text, "yes") ? "auto" : "none", n);
}

#define TIMEOUT_READ(name, key, seconds, floor) \
	static int read_timeout_##name(const char *what, const char *text, struct network *n) \
	{ \
		return conf_timeout(what, text, NSF_TIMEOUT_##name, n); \
	}
NSF_TIMEOUTS(TIMEOUT_READ)

/* The two that were one. */
static int read_timeout_transitory(const char *what, const char *text, struct network *n)
{
	int r = conf_timeout(what, text, NSF_TIMEOUT_TCP_OPEN, n);

	if (r)
		return r;
	n->timeout[NSF_TIMEOUT_TCP_CLOSE] = n->timeout[NSF_TIMEOUT_TCP_OPEN];
	n->has |= (unsigned)NET_HAS_TIMEOUT << NSF_TIMEOUT_TCP_CLOSE;
	return 0;
}

#define LIMIT_READ(id, key, option, json) \
	static int read_limit_##id(const char *what, const char *text, struct network *n) \
	{ \
		return conf_limit(what, text, PORT_LIMIT_##id, n); \
	} \
	static int read_port_limit_##id(const char *what, const char *text, struct port *p) \
	{ \
		return conf_port_limit(what, text, PORT_LIMIT_##id, p); \
	}
PORT_LIMITS(LIMIT_READ)

/* A key of a section; one of the two functions reads its value. A section's list ends with a row without a name. */
struct key {
	const char *name;
	bool repeats; /* may stand there more than once */
	int (*network)(const char *what, const char *text, struct network *n);
	int (*port)(const char *what, const char *text, struct port *p);
	const char *excludes[6]; /* keys of the section that may not stand beside it; said at one of both is enough */
};

#define TIMEOUT_KEY(id, key, seconds, floor)  { .name = "Timeout" key, .network = read_timeout_##id },
#define LIMIT_KEY(id, key, option, json)      { .name = key, .network = read_limit_##id },
#define PORT_LIMIT_KEY(id, key, option, json) { .name = key, .port = read_port_limit_##id },
#define LAST_KEYS(list) \
	list \
	{ \
		.name = NULL \
	}

static const struct key network_keys[] = {
	{ .name = "Name", .network = conf_name },
	{ .name = "Mode", .network = conf_mode },
	{ .name = "Address", .network = conf_subnet },
	{ .name = "IPv6", .network = conf_ipv6 },
	{ .name = "Uplink", .network = conf_uplink },
	{ .name = "Xdp", .network = conf_xdp },
	{ .name = "XdpForward", .network = conf_xdp_forward },
	{ .name = "SNat", .network = conf_snat },
	{ .name = "SNat6", .network = conf_snat6 },
	{ .name = "Masquerade", .network = read_masquerade, .excludes = { "SNat", "SNat6" } },
	{ .name = "SnatPorts", .network = conf_snat_ports },
	{ .name = "SnatExcept", .network = conf_snat_except },
	{ .name = "SnatPort", .network = conf_snat_port },
	{ .name = "SnatOverload", .network = conf_snat_overload },
	{ .name = "SnatIcmp", .network = conf_snat_icmp },
	{ .name = "Filter", .network = conf_filter },
	{ .name = "MTU", .network = conf_mtu },
	{ .name = "Flows", .network = conf_flows },
	{ .name = "FdbAgeing", .network = conf_fdb_ageing },
	{ .name = "NeighSuppress", .network = conf_neigh_suppress },
	{ .name = "MulticastSnooping", .network = conf_snooping },
	{ .name = "HostAccess", .network = conf_host_access },
	{ .name = "TimeoutTcpTransitory",
	  .network = read_timeout_transitory,
	  .excludes = { "TimeoutTcpOpening", "TimeoutTcpClosing" } },
	LAST_KEYS(PORT_LIMITS(LIMIT_KEY) NSF_TIMEOUTS(TIMEOUT_KEY)),
};

static const struct key port_keys[] = {
	{ .name = "Netns", .port = conf_port_netns },
	{ .name = "Device",
	  .port = conf_port_device,
	  .excludes = { "Netns", "Address", "MAC", "MTU", "Guard", "Publish" } },
	{ .name = "Address", .port = conf_port_address },
	{ .name = "MAC", .port = conf_port_mac },
	{ .name = "MTU", .port = conf_port_mtu },
	{ .name = "Isolated", .port = conf_port_isolated },
	{ .name = "Guard", .port = conf_port_guard },
	{ .name = "Flood", .port = conf_port_flood },
	{ .name = "Vlan", .port = conf_port_vlan },
	{ .name = "VlanTrunk", .port = conf_port_trunk },
	{ .name = "Publish", .repeats = true, .network = conf_port_publish },
	LAST_KEYS(PORT_LIMITS(PORT_LIMIT_KEY)),
};

#define KEYS_MAX ARRAY_SIZE(network_keys)
_Static_assert(ARRAY_SIZE(port_keys) <= KEYS_MAX, "port_keys");

struct parser {
	const char *path;
	struct network *n;
	unsigned line;
	char text[CONF_LINE_MAX + 1]; /* of the line */
	const struct key *keys;       /* of the section, NULL before the first */
	bool seen[KEYS_MAX];          /* by index in keys */
	bool network_seen;
};

/* "FILE:LINE:COLUMN", the beginning of a message about what stands there. The line goes with it as an excerpt. */
static void place(const struct parser *c, const char *at, char buf[CONF_WHAT_LEN])
{
	size_t offset = (size_t)(at - c->text);

	excerpt(c->text, offset);
	snprintf(buf, CONF_WHAT_LEN, "%s:%u:%zu", c->path, c->line, offset + 1);
}

__attribute__((format(printf, 3, 4))) static int fail_at(const struct parser *c, const char *at, const char *fmt, ...)
{
	char text[CONF_LINE_MAX + 128], where[CONF_WHAT_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	place(c, at, where);
	return fail_usage("%s: %s", where, text);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip_blanks(char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

static void cut_blanks(char *from, char *end)
{
	while (end > from && is_blank(end[-1]))
		end--;
	*end = '\0';
}

/* Where a comment begins: at the text's start or after white space. The text's end if there is none. */
static char *find_comment(char *text)
{
	for (char *s = text; *s; s++)
		if ((*s == '#' || *s == ';') && (s == text || is_blank(s[-1])))
			return s;
	return text + strlen(text);
}

static int begin_network(struct parser *c, const char *at)
{
	if (c->network_seen)
		return fail_at(c, at, "section '[Network]' is there already");
	c->network_seen = true;
	c->keys = network_keys;
	return 0;
}

static int begin_port(struct parser *c, const char *at, const char *name)
{
	char where[CONF_WHAT_LEN];
	int r;

	if (!*name)
		return fail_at(c, at, "section '[Port]' must have a name, as in '[Port web]'");
	if (strchr(name, '='))
		return fail_at(c, at, "'%s' is no name for a port", name);
	place(c, at, where);
	r = conf_ns(where, name, c->n);
	excerpt(NULL, 0);
	c->keys = port_keys;
	return r;
}

/* "[Network]" or "[Port NAME]": the line from its bracket on, comment cut off. c->text stays as it was. */
static int read_section(struct parser *c, char *line, const char *at)
{
	static const char *const sections[] = { "Network", "Port", NULL };
	char *end = strchr(line, ']'), *word = skip_blanks(line + 1), *name;
	const char *nearest;

	if (!end)
		return fail_at(c, at, "section has no ']'");
	if (end[1])
		return fail_at(c, at + (end + 1 - line), "'%s' after a section's ']'", skip_blanks(end + 1));
	cut_blanks(word, end);
	memset(c->seen, 0, sizeof(c->seen));
	name = word + strcspn(word, " \t");
	if (*name)
		*name++ = '\0';
	name = skip_blanks(name);
	if (streq(word, "Port"))
		return begin_port(c, at + (name - line), name);
	if (streq(word, "Network") && !*name)
		return begin_network(c, at);
	if (streq(word, "Network"))
		return fail_at(c, at + (name - line), "'%s': section '[Network]' takes no name", name);
	nearest = conf_nearest(word, sections);
	if (nearest)
		hint("did you mean '[%s%s]'?", nearest, streq(nearest, "Port") ? " NAME" : "");
	return fail_at(c, at + (word - line), "unknown section '%s'", word);
}

static const struct key *find_key(const struct parser *c, const char *name)
{
	for (const struct key *k = c->keys; k->name; k++)
		if (streq(k->name, name))
			return k;
	return NULL;
}

static bool excludes(const struct key *k, const struct key *other)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(k->excludes) && k->excludes[i]; i++)
		if (streq(k->excludes[i], other->name))
			return true;
	return false;
}

static int fail_unknown(const struct parser *c, const char *at, const char *name)
{
	const char *names[KEYS_MAX] = { NULL }, *nearest;

	for (size_t i = 0; c->keys[i].name; i++)
		names[i] = c->keys[i].name;
	nearest = conf_nearest(name, names);
	if (nearest)
		hint("did you mean '%s'?", nearest);
	return fail_at(c, at, "unknown key '%s'", name);
}

static int read_value(struct parser *c, const struct key *k, const char *value, const char *at)
{
	char what[CONF_WHAT_LEN];
	size_t n;
	int r;

	place(c, at, what);
	n = strlen(what);
	snprintf(what + n, sizeof(what) - n, ": %s", k->name);
	if (k->network)
		r = k->network(what, value, c->n);
	else
		r = k->port(what, value, &c->n->ports[c->n->n_ports - 1]);
	excerpt(NULL, 0);
	return r;
}

/* "KEY=VALUE", blanks around the '=' allowed: the line from its key on, comment cut off. */
static int read_key(struct parser *c, char *line, const char *at)
{
	char *equals = strchr(line, '='), *value;
	const struct key *k;

	if (!equals)
		return fail_at(c, at, "'%s' is neither KEY=VALUE nor a section", line);
	value = skip_blanks(equals + 1);
	cut_blanks(line, equals);
	if (!*line)
		return fail_at(c, at, "no key before '='");
	if (!c->keys)
		return fail_at(c, at, "key '%s' before any section", line);
	k = find_key(c, line);
	if (!k)
		return fail_unknown(c, at, line);
	if (c->seen[k - c->keys] && !k->repeats)
		return fail_at(c, at, "key '%s' is there already", line);
	for (const struct key *other = c->keys; other->name; other++)
		if (c->seen[other - c->keys] && (excludes(k, other) || excludes(other, k)))
			return fail_at(c, at, "key '%s' cannot stand beside '%s'", line, other->name);
	if (!*value)
		return fail_at(c, at + (value - line), "key '%s' has no value", line);
	c->seen[k - c->keys] = true;
	return read_value(c, k, value, at + (value - line));
}

static int read_line(struct parser *c, const char *text, size_t len)
{
	char copy[CONF_LINE_MAX + 1], *line;
	const char *at, *nul = memchr(text, '\0', len);
	bool too_long = len > CONF_LINE_MAX;

	c->line++;
	snprintf(c->text, sizeof(c->text), "%.*s", (int)(too_long ? CONF_LINE_MAX : len), text);
	if (nul && nul - text <= CONF_LINE_MAX)
		return fail_at(c, c->text + (nul - text), "a NUL byte; this is no text");
	if (too_long)
		return fail_at(c, c->text + CONF_LINE_MAX, "line is longer than %d bytes", CONF_LINE_MAX);
	strcpy(copy, c->text);
	line = skip_blanks(copy);
	cut_blanks(line, find_comment(line));
	if (!*line)
		return 0;
	at = c->text + (line - copy);
	return *line == '[' ? read_section(c, line, at) : read_key(c, line, at);
}

static int read_text(const char *path, const char *text, size_t len, struct network *n)
{
	struct parser c = { .path = path, .n = n };
	int r = 0;

	while (r == 0 && len) {
		const char *end = memchr(text, '\n', len);
		size_t line = end ? (size_t)(end - text) : len, next = end ? line + 1 : len;

		if (line && text[line - 1] == '\r')
			line--;
		r = read_line(&c, text, line);
		text += next;
		len -= next;
	}
	return r;
}

/* Reads to the end, but not more than size bytes. The number of bytes, or -errno. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

int conf_read(const char *path, struct network *n)
{
	bool is_stdin = streq(path, "-");
	autoclose int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	autofree char *text = NULL;
	ssize_t len;

	if (is_stdin)
		path = "stdin";
	if (fd < 0)
		return fail_usage("cannot read '%s': %s", path, strerror(errno));
	text = malloc(CONF_FILE_MAX + 1);
	if (!text)
		return fail(-ENOMEM, "cannot read '%s'", path);
	len = read_all(fd, text, CONF_FILE_MAX + 1);
	if (len < 0)
		return fail_usage("cannot read '%s': %s", path, strerror((int)-len));
	if (len > CONF_FILE_MAX)
		return fail_usage("'%s' is longer than %d bytes", path, CONF_FILE_MAX);
	return read_text(path, text, (size_t)len, n);
}
