/* SPDX-License-Identifier: GPL-2.0-only */
/* Fuzzes the data path in user space: the bytes choose the world and every step in it, see tests/model. */
#include "../../bpf/nsfast.bpf.c"

#include "story.h"

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size);

static void wrong(const char *text, ...)
{
	va_list v;

	va_start(v, text);
	vprintf(text, v);
	va_end(v);
	play_drops();
	printf("\n");
	fflush(stdout);
	abort();
}

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	__u64 seed;

	if (size < sizeof(seed))
		return 0;
	memcpy(&seed, data, sizeof(seed));
	dice.at = data + sizeof(seed);
	dice.end = data + size;
	dice.over = false;
	memset(talks, 0, sizeof(talks));
	world_make(seed);
	while (!dice.over)
		story_step();
	check_tables();
	story_end();
	world_drop();
	return 0;
}
