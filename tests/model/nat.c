/* SPDX-License-Identifier: GPL-2.0-only */
/* The data path's own source in user space, under sanitizers, against what must hold of a NAT: seeded, so repeatable. */
#include "../../bpf/nsfast.bpf.c"

#include "story.h"

#define SEEDS 24
#define STEPS 20000
#define EVERY 500 /* steps between looks at the tables */

static __u64 seed, step;

static void wrong(const char *text, ...)
{
	va_list v;

	va_start(v, text);
	printf("not ok 1 - ");
	vprintf(text, v);
	va_end(v);
	play_drops();
	printf("\n# seed %llu, step %llu: repeat with --seed %llu --steps %llu\n", (unsigned long long)seed,
	       (unsigned long long)step, (unsigned long long)seed, (unsigned long long)step + 1);
	fflush(stdout);
	abort();
}

static void run(__u64 steps)
{
	memset(talks, 0, sizeof(talks));
	dice.state = seed;
	world_make(seed);
	for (step = 0; step < steps; step++) {
		story_step();
		if (step % EVERY == EVERY - 1)
			check_tables();
	}
	story_end();
	world_drop();
}

/* No arguments: the fixed set. --seed N, --steps N: one of them, as long as wanted; --every: look at the tables each step. */
int main(int argc, char **argv)
{
	__u64 steps = STEPS, one = 0;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seed"))
			one = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--steps"))
			steps = strtoull(argv[i + 1], NULL, 0);
	}
	printf("1..%u\n", one ? 1 : SEEDS);
	for (seed = one ? one : 1; seed <= (one ? one : SEEDS); seed++) {
		run(steps);
		printf("ok %llu - seed %llu\n", (unsigned long long)(one ? 1 : seed), (unsigned long long)seed);
	}
	return 0;
}
