/* SPDX-License-Identifier: GPL-2.0-only */
/* A script of nftables' in the making: what the files that write parts of it share. */
#include "nf_script.h"

#include <stdarg.h>

void nf_line(struct nf_script *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(s->f, fmt, ap);
	va_end(ap);
	fputc('\n', s->f);
}

void nf_set(struct nf_script *s, const char *fmt, ...)
{
	va_list ap;

	fputc('\t', s->f);
	va_start(ap, fmt);
	vfprintf(s->f, fmt, ap);
	va_end(ap);
	s->elements = false;
}

void nf_element(struct nf_script *s, const char *fmt, ...)
{
	va_list ap;

	fputs(s->elements ? ", " : " elements = { ", s->f);
	va_start(ap, fmt);
	vfprintf(s->f, fmt, ap);
	va_end(ap);
	s->elements = true;
}

void nf_set_end(struct nf_script *s)
{
	nf_line(s, s->elements ? " }; }" : " }");
}

int nf_id(const struct network *n)
{
	return n->ifindex;
}

const char *nf_subnet(const struct addr *gateway, char buf[ADDR_STRLEN])
{
	struct addr net = *gateway;
	unsigned i;

	for (i = net.plen; i < addr_size(net.family) * 8; i++)
		net.bytes[i / 8] &= ~(0x80 >> i % 8);
	return addr_format(&net, true, buf);
}
