/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables 'nsfast' of nftables: all networks of a host in netfilter mode, as one script that replaces what was. */
#include "nf_rules.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>

#include "ifname.h"
#include "log.h"
#include "nf_record.h"
#include "nf_script.h"
#include "nft.h"

struct counter_was {
	FILE *f;
	const char *want;
	bool found;
};

static int counter_was(const char *name, __u64 packets, __u64 bytes, void *arg)
{
	struct counter_was *w = arg;

	if (!streq(name, w->want))
		return 0;
	fprintf(w->f, "\tcounter %s { packets %llu bytes %llu }\n", name, (unsigned long long)packets,
		(unsigned long long)bytes);
	w->found = true;
	return 1;
}

/* They go on from where they were, and are no part of what the table is known by. */
static void counters(const struct nf_script *s, FILE *out, __u8 family, const struct nf_reasons *reasons)
{
	char name[NF_COUNTER_LEN];
	size_t i, k;

	for (i = 0; i < s->n; i++)
		for (k = 0; k < reasons->n; k++) {
			struct counter_was was = { .f = out, .want = name };

			snprintf(name, sizeof(name), "%s_%d", reasons->v[k], nf_id(&s->nets[i]));
			nft_counters(family, NF_TABLE, counter_was, &was);
			if (!was.found)
				fprintf(out, "\tcounter %s { }\n", name);
		}
}

static const struct kind {
	const char *family;
	__u8 number;
	void (*body)(struct nf_script *s);
	const struct nf_reasons *reasons;
} kinds[] = {
	{ "inet", NFPROTO_INET, nf_inet_table, &nf_inet_reasons },
	{ "bridge", NFPROTO_BRIDGE, nf_bridge_table, &nf_bridge_reasons },
};

/* What a table is known by: a hash of all that was asked for, and how many rules that are. */
#define RULES_COMMENT 40

static int body(struct nf_script *s, const struct kind *k, char **ret, char comment[RULES_COMMENT])
{
	unsigned hash = 2166136261u;
	char *text = NULL, *c;
	size_t len;

	s->f = open_memstream(&text, &len);
	if (!s->f)
		return fail(-ENOMEM, "cannot write rules");
	s->rules = 0;
	k->body(s);
	if (fclose(s->f)) {
		free(text);
		return fail(-ENOMEM, "cannot write rules");
	}
	for (c = text; *c; c++)
		hash = (hash ^ (__u8)*c) * 16777619u;
	snprintf(comment, RULES_COMMENT, "%08x, %u rules", hash, s->rules);
	*ret = text;
	return 0;
}

/* The table is named first, so that there is one to delete. */
static int table(struct nf_script *s, const struct kind *k, FILE *out)
{
	autofree char *text = NULL;
	char comment[RULES_COMMENT];
	int r = s->n ? body(s, k, &text, comment) : 0;

	if (r)
		return r;
	fprintf(out, "table %s " NF_TABLE "\ndelete table %s " NF_TABLE "\n", k->family, k->family);
	if (!s->n)
		return 0;
	fprintf(out, "table %s " NF_TABLE " {\n\tcomment \"%s\"\n", k->family, comment);
	counters(s, out, k->number, k->reasons);
	fprintf(out, "%s}\n", text);
	return 0;
}

struct loading {
	struct host *h;
	struct nf_script *s;
};

static int add_net(struct host *h, struct nf_script *s, const struct network *n)
{
	struct network *more = realloc(s->nets, (s->n + 1) * sizeof(*more));
	struct link l;

	if (!more)
		return fail(-ENOMEM, "cannot list networks");
	s->nets = more;
	s->nets[s->n] = *n;
	ifname_mac(n->name, 0, s->nets[s->n].mac);
	s->nets[s->n].ifindex = link_get(h->nl, n->name, 0, &l) ? 1000000 + (int)s->n : l.ifindex;
	s->n++;
	return 0;
}

static int load_one(const char *name, void *arg)
{
	struct loading *l = arg;
	struct network n;
	int r = nf_record_read(l->h, name, &n);

	if (r)
		return r == -ENOENT ? 0 : r;
	r = add_net(l->h, l->s, &n);
	if (r)
		network_free(&n);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct network *)a)->name, ((const struct network *)b)->name);
}

/* All networks, in an order that does not change. The one in the making is its maker's to free. */
static int load(struct host *h, struct nf_script *s, const struct network *making)
{
	struct loading l = { h, s };
	int r = nf_record_list(h, load_one, &l);

	if (!r && making)
		r = add_net(h, s, making);
	if (s->n)
		qsort(s->nets, s->n, sizeof(*s->nets), by_name);
	return r;
}

static void unload(struct nf_script *s, const struct network *making)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (!making || !streq(s->nets[i].name, making->name))
			network_free(&s->nets[i]);
	free(s->nets);
}

static int sync_as(struct host *h, const struct network *making, const struct network *was)
{
	struct nf_script s = { .h = h, .was = was };
	char *text = NULL;
	size_t len = 0, i;
	FILE *out = open_memstream(&text, &len);
	int r = out ? load(h, &s, making) : fail(-ENOMEM, "cannot write rules");

	for (i = 0; !r && i < ARRAY_SIZE(kinds); i++)
		r = table(&s, &kinds[i], out);
	if (out && fclose(out) && !r)
		r = fail(-ENOMEM, "cannot write rules");
	if (!r)
		r = nft_run(text, len);
	free(text);
	unload(&s, making);
	return r;
}

int nf_rules_sync(struct host *h, const struct network *making)
{
	return sync_as(h, making, NULL);
}

int nf_rules_change(struct host *h, const struct network *was)
{
	int r = sync_as(h, NULL, was);

	packets_wait();
	return r ? r : sync_as(h, NULL, NULL);
}

bool nf_rules_whole(struct host *h)
{
	char want[RULES_COMMENT], is[RULES_COMMENT + 24];
	struct nf_script s = { .h = h };
	bool whole = !load(h, &s, NULL);
	unsigned rules;
	size_t i;

	for (i = 0; whole && i < ARRAY_SIZE(kinds); i++) {
		autofree char *text = NULL;

		whole = !body(&s, &kinds[i], &text, want) &&
			!nft_table(kinds[i].number, NF_TABLE, is, sizeof(is), &rules) && streq(is, want) &&
			rules == s.rules;
	}
	unload(&s, NULL);
	return whole;
}
