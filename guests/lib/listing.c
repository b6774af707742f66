// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ktap.h"
#include "listing.h"

/* Room for what is told in a line, behind its first two words; of ktap.c's LINE_BYTES. */
#define TOLD_BYTES	960
/* Bytes of a name, once it is fit to be told. */
#define NAME_BYTES	200
#define CUT		"..."

/* @name as a word that ends no line and looks like none of KTAP's. */
static void make_fit(char *fit, const char *name)
{
	size_t len = 0;

	for (; *name; name++) {
		unsigned char byte = *name;
		int plain = byte > ' ' && byte < 0x7f && byte != '\\';

		if (len + (plain ? 1 : 4) > NAME_BYTES) {
			strcpy(fit + len, CUT);
			return;
		}
		len += sprintf(fit + len, plain ? "%c" : "\\x%02x", byte);
	}
	fit[len] = '\0';
}

void listing_add(struct listing *listing, const char *fmt, ...)
{
	char name[4 * NAME_BYTES], fit[NAME_BYTES + sizeof(CUT)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	make_fit(fit, name);
	if (!fit[0])
		return;

	if (listing->count == LISTING_NAMES)
		ktap_fail("cut: more than %d names of the kind %s, so that none is told", LISTING_NAMES, listing->kind);
	if (!listing->names)
		listing->names = calloc(LISTING_NAMES, sizeof(*listing->names));
	if (!listing->names || !(listing->names[listing->count++] = strdup(fit)))
		ktap_fail("no memory for the names of the kind %s", listing->kind);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sort, and leave each name once. */
static void put_in_order(struct listing *listing)
{
	size_t i, kept = 0;

	if (listing->count)
		qsort(listing->names, listing->count, sizeof(*listing->names), compare);
	for (i = 0; i < listing->count; i++)
		if (!kept || strcmp(listing->names[kept - 1], listing->names[i]))
			listing->names[kept++] = listing->names[i];
	listing->count = kept;
}

void listing_tell(struct listing *listing)
{
	char told[TOLD_BYTES + 1] = "";
	size_t i, len = 0;

	put_in_order(listing);
	for (i = 0; i < listing->count; i++) {
		const char *name = listing->names[i];

		if (len + 1 + strlen(name) > TOLD_BYTES) {
			ktap_diag("surface %s%s", listing->kind, told);
			len = 0;
		}
		len += sprintf(told + len, " %s", name);
	}
	if (len)
		ktap_diag("surface %s%s", listing->kind, told);
	ktap_diag("listed %s %zu", listing->kind, listing->count);
}

void listing_tell_some(struct listing *listing)
{
	listing_tell(listing);
	if (!listing->count)
		ktap_fail("expected names of the kind %s, got none", listing->kind);
}
