/* SPDX-License-Identifier: GPL-2.0-only */
/* How a probe tells its results: KTAP on stdout, one line at a time. */
#ifndef KSERIES_KTAP_H
#define KSERIES_KTAP_H

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/*
 * A check that returns has passed; ktap_fail() and ktap_skip() end it otherwise.
 * Each runs in a process of its own, so what it opens and maps need not be undone.
 */
struct check {
	const char *name;
	void (*run)(void);
};

/*
 * Print the plan, run @before if there is one (in a process of its own too; it
 * has no result, only diagnostics and ktap_cap()), then run @n checks. Returns
 * the exit status of the probe.
 */
int ktap_main(const char *probe, const struct check *checks, int n,
	      void (*before)(void));

/* A line of explanation; belongs to the next result. */
void ktap_diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What the kernel advertises, for the host to choose contracts by. */
void ktap_cap(const char *name, int value);

_Noreturn void ktap_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void ktap_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
