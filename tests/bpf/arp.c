/* SPDX-License-Identifier: GPL-2.0-only */
/* ARP: what the gateway answers, what a port may say of itself. */
#include "row.h"

#define NET1   (TX(AT_A) | TX(AT_B) | TX(AT_C) | TX(AT_D) | TX(AT_GW))
#define A_ADDR (A(0).addr)
#define B_ADDR (B(0).addr)
#define C_ADDR (C(0).addr)

static const struct mac none;

static struct frame *ask(struct mac dst, struct end who, __u32 whom)
{
	return arp(dst, who.mac, 1, who.mac, who.addr, none, whom);
}

/* What the gateway says to who. */
static struct frame *told(struct end who)
{
	return arp(who.mac, MAC_GW, 2, MAC_GW, GW_ADDR, who.mac, who.addr);
}

/* The same frame with other bytes in its fixed fields, or longer. */
static struct frame *odd(struct frame *f, __u32 at, __u8 v)
{
	f->b[at] = v;
	return f;
}

static struct frame *padded(struct frame *f)
{
	f->len = 60;
	return f;
}

static void the_gateway_answers_for_itself(void **state)
{
	const struct end probe = { MAC(AT_A), 0, 0 }, probe_c = { MAC(AT_C), 0, 0 };
	struct end e = E(0);
	const struct row rows[] = {
		{ "broadcast", AT_A, ask(ALL, A(0), GW_ADDR), SENT(TX(AT_A)), .out = told(A(0)) },
		{ "unicast", AT_A, ask(MAC_GW, A(0), GW_ADDR), SENT(TX(AT_A)), .out = told(A(0)) },
		{ "padded", AT_A, padded(ask(ALL, A(0), GW_ADDR)), SENT(TX(AT_A)), .out = padded(told(A(0))) },
		{ "learning port", AT_C, ask(ALL, C(0), GW_ADDR), SENT(TX(AT_C)), .out = told(C(0)) },
		{ "no veth", AT_D, ask(ALL, D(0), GW_ADDR), SENT(TX(AT_D)), .out = told(D(0)) },
		{ "a probe for duplicates", AT_A, ask(ALL, probe, GW_ADDR), SENT(TX(AT_A)), .out = told(probe) },
		{ "a learning port's probe", AT_C, ask(ALL, probe_c, GW_ADDR), SENT(TX(AT_C)), .out = told(probe_c) },
		{ "another network's gateway", AT_E, ask(ALL, e, IP4(10, 78, 0, 1)), SENT(TX(AT_E)),
		  .out = arp(e.mac, MAC(AT_GW2), 2, MAC(AT_GW2), IP4(10, 78, 0, 1), e.mac, e.addr) },
		{ "not for another network's", AT_E, ask(ALL, e, GW_ADDR), SENT(TX(AT_GW2)) },
	};

	ROWS(*state, rows);
}

static void answers_are_off(struct bed *b)
{
	b->dp.nets[1].flags |= NSF_NET_NO_ANSWERS;
}

static void both_are_isolated(struct bed *b)
{
	b->dp.ports[AT_A].flags |= NSF_PORT_ISOLATED;
	b->dp.ports[AT_B].flags |= NSF_PORT_ISOLATED;
}

static void nobody_learns(struct bed *b)
{
	row_clear_port(&b->dp, AT_C);
	row_clear_port(&b->dp, AT_D);
}

/* What is known of a port is told at once, and what no managed port can be asked for only others hear. */
static void a_port_is_answered_for(void **state)
{
	const struct end probe = { MAC(AT_C), 0, 0 };
	const struct mac b_mac = MAC(AT_B);
	struct frame *told_a = arp(MAC(AT_A), b_mac, 2, b_mac, B_ADDR, MAC(AT_A), A_ADDR);
	const struct row rows[] = {
		{ "question for a port", AT_A, ask(ALL, A(0), B_ADDR), SENT(TX(AT_A)), .out = told_a },
		{ "a learning port's", AT_C, ask(ALL, C(0), B_ADDR), SENT(TX(AT_C)),
		  .out = arp(MAC(AT_C), b_mac, 2, b_mac, B_ADDR, MAC(AT_C), C_ADDR) },
		{ "a probe", AT_C, ask(ALL, probe, B_ADDR), SENT(TX(AT_C)),
		  .out = arp(MAC(AT_C), b_mac, 2, b_mac, B_ADDR, MAC(AT_C), 0) },
		{ "the host's", AT_GW, arp(ALL, MAC_GW, 1, MAC_GW, GW_ADDR, none, A_ADDR), SENT(TX(AT_A)) },
		{ "one that asks the port itself", AT_A, ask(b_mac, A(0), B_ADDR), SENT(TX(AT_B)) },
		{ "for nobody known", AT_A, ask(ALL, A(0), C_ADDR), SENT(TX(AT_C) | TX(AT_D) | TX(AT_GW)) },
		{ "the host's for nobody known", AT_GW, arp(ALL, MAC_GW, 1, MAC_GW, GW_ADDR, none, C_ADDR),
		  SENT(TX(AT_C) | TX(AT_D)) },
		{ "for nobody known, where all are managed", AT_A, ask(ALL, A(0), C_ADDR), SENT(TX(AT_GW)),
		  .setup = nobody_learns },
		{ "switched off", AT_A, ask(ALL, A(0), B_ADDR), SENT(NET1 & ~TX(AT_A)), .setup = answers_are_off },
		{ "of one that it must not meet", AT_A, ask(ALL, A(0), B_ADDR), SENT(NET1 & ~TX(AT_A) & ~TX(AT_B)),
		  .setup = both_are_isolated },
	};

	ROWS(*state, rows);
}

static void all_else_is_bridged(void **state)
{
	const struct row rows[] = {
		{ "announcement", AT_A, ask(ALL, A(0), A_ADDR), SENT(NET1 & ~TX(AT_A)) },
		{ "answer", AT_A, arp(MAC(AT_B), MAC(AT_A), 2, MAC(AT_A), A_ADDR, MAC(AT_B), B_ADDR), SENT(TX(AT_B)) },
		{ "answer to the host", AT_A, arp(MAC_GW, MAC(AT_A), 2, MAC(AT_A), A_ADDR, MAC_GW, GW_ADDR),
		  SENT(TX(AT_GW)) },
		{ "a learning port's announcement", AT_C, ask(ALL, C(0), C_ADDR), SENT(NET1 & ~TX(AT_C)) },
		{ "another operation", AT_A, odd(ask(ALL, A(0), GW_ADDR), 21, 3), SENT(NET1 & ~TX(AT_A)) },
		{ "another hardware, learning port", AT_C, odd(ask(ALL, C(0), GW_ADDR), 15, 7),
		  SENT(NET1 & ~TX(AT_C)) },
	};

	ROWS(*state, rows);
}

static void nobody_speaks_for_another(void **state)
{
	const struct mac a = MAC(AT_A), b = MAC(AT_B);
	const struct row rows[] = {
		{ "another's address", AT_A, arp(ALL, a, 1, a, B_ADDR, none, C_ADDR), DROPPED(SPOOF_ARP) },
		{ "another's address, answer", AT_A, arp(b, a, 2, a, C_ADDR, b, B_ADDR), DROPPED(SPOOF_ARP) },
		{ "another's MAC", AT_A, arp(ALL, a, 1, b, A_ADDR, none, C_ADDR), DROPPED(SPOOF_ARP) },
		{ "another's MAC, asking the gateway", AT_A, arp(ALL, a, 1, b, A_ADDR, none, GW_ADDR),
		  DROPPED(SPOOF_ARP) },
		{ "the gateway's address", AT_A, arp(ALL, a, 1, a, GW_ADDR, none, GW_ADDR), DROPPED(SPOOF_ARP) },
		{ "the gateway's address, answer", AT_A, arp(b, a, 2, a, GW_ADDR, b, B_ADDR), DROPPED(SPOOF_ARP) },
		{ "another's MAC, probe", AT_A, arp(ALL, a, 1, b, 0, none, A_ADDR), DROPPED(SPOOF_ARP) },
		{ "another's address, learning port", AT_C, ask(ALL, (struct end){ MAC(AT_C), A_ADDR, 0 }, A_ADDR),
		  DROPPED(SPOOF_ARP) },
		{ "the gateway's address, learning port", AT_C, ask(ALL, (struct end){ MAC(AT_C), GW_ADDR, 0 }, B_ADDR),
		  DROPPED(SPOOF_ARP) },
		{ "the gateway's address to the host, learning port", AT_C,
		  arp(MAC_GW, MAC(AT_C), 2, MAC(AT_C), GW_ADDR, MAC_GW, GW_ADDR), DROPPED(SPOOF_ARP) },
		{ "another hardware", AT_A, odd(ask(ALL, A(0), GW_ADDR), 15, 7), DROPPED(SPOOF_ARP) },
		{ "as IEEE 802, learning port", AT_C,
		  odd(ask(ALL, (struct end){ MAC(AT_C), A_ADDR, 0 }, A_ADDR), 15, 6), DROPPED(SPOOF_ARP) },
		{ "another protocol", AT_A, odd(ask(ALL, A(0), GW_ADDR), 16, 0x86), DROPPED(SPOOF_ARP) },
		{ "other lengths", AT_A, odd(ask(ALL, A(0), GW_ADDR), 18, 8), DROPPED(SPOOF_ARP) },
	};

	ROWS(*state, rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_gateway_answers_for_itself),
		TEST(a_port_is_answered_for),
		TEST(all_else_is_bridged),
		TEST(nobody_speaks_for_another),
	};

	return RUN(tests, bed_setup);
}
