// SPDX-License-Identifier: GPL-2.0-only
/*
 * All probes in one program, which is the one that it is called by: most of each
 * would be the C library, once more in the initramfs, which every boot unpacks.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define PROBE(name)	int main_##name(void);
#include "probes.h"
#undef PROBE

#define PROBE(name)	{ #name, main_##name },
static const struct {
	const char *name;
	int (*main)(void);
} probes[] = {
#include "probes.h"
};

int main(int argc, char **argv)
{
	const char *path = argc ? argv[0] : "";
	const char *slash = strrchr(path, '/');
	size_t i;

	for (i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		if (!strcmp(slash ? slash + 1 : path, probes[i].name))
			return probes[i].main();
	printf("# there is no probe in here that is called %s\n", path);
	return 127;
}
