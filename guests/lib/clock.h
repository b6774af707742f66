/* SPDX-License-Identifier: GPL-2.0-only */
/* Time that does not jump, for deadlines. */
#ifndef KSERIES_CLOCK_H
#define KSERIES_CLOCK_H

#include <time.h>

static inline long long clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

#endif
