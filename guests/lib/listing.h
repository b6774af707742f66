/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of one kind, told as "# surface KIND NAME NAME ..." and closed by "# listed
 * KIND COUNT": the host takes a kind that is closed and has all of its names, or
 * none of it (harness/kseries/probes/listings.py).
 */
#ifndef KSERIES_LISTING_H
#define KSERIES_LISTING_H

#include <stddef.h>

/* What a kernel has more of floods. A list that is not whole can be compared with no other, so none of it is told. */
#define LISTING_NAMES	4096

struct listing {
	const char *kind;
	char **names;
	size_t count;
};

/*
 * Add a name. What is no printable ASCII, and a backslash, is told as \xNN, and a
 * very long one is cut. Fails the check that adds too many.
 */
void listing_add(struct listing *listing, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Tell all names, sorted, each once. */
void listing_tell(struct listing *listing);
/* The same for a kind of which there are names on any kernel: fails the check where there is none. */
void listing_tell_some(struct listing *listing);

#endif
