// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "processes.h"

/*
 * The bound of the whole machine, which root is under, too: not so RLIMIT_NPROC
 * (copy_process() in kernel/fork.c), and a cgroup has to be in the kernel.
 */
#define THREADS_MAX	"/proc/sys/kernel/threads-max"

/*
 * A command may have so many, or an eighth of what the kernel's memory allows it. With
 * all of that a fork bomb takes an emulated CPU half a minute in which nothing is said.
 */
#define BESIDES		512

#define BEAT_MS		1000

static long most_before, most;

static long read_most(void)
{
	FILE *file = fopen(THREADS_MAX, "re");
	long value = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%ld", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

static bool write_most(long value)
{
	FILE *file = fopen(THREADS_MAX, "we");
	bool written;

	if (!file)
		return false;
	written = fprintf(file, "%ld\n", value) > 0;
	return !fclose(file) && written;
}

/* The kernel counts its own, too. */
static long count_threads(void)
{
	FILE *file = fopen("/proc/loadavg", "re");
	long count = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%*s %*s %*s %*d/%ld", &count) != 1)
		count = 0;
	fclose(file);
	return count;
}

void bound_threads(void)
{
	long besides;

	most_before = getpid() == 1 ? read_most() : 0;
	besides = most_before / 8 > BESIDES ? most_before / 8 : BESIDES;
	most = count_threads() + besides;
	if (!most_before || most >= most_before || !write_most(most))
		most_before = 0;
}

bool at_bound(void)
{
	/* Some end while others are counted. */
	return most_before && count_threads() >= most - BESIDES / 8;
}

void unbound_threads(void)
{
	/* A command that has set it meant it. */
	if (most_before && read_most() == most)
		write_most(most_before);
}

bool kill_all(void (*beat)(void))
{
	long long deadline = clock_ms() + REAP_MS;
	long long next = clock_ms() + BEAT_MS;
	pid_t pid;

	while (getpid() == 1) {
		/* Nobody forks past it: fork(2) fails while a signal is pending (kernel/fork.c). */
		kill(-1, SIGKILL);
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			deadline = clock_ms() + REAP_MS;
		if (pid < 0)
			return true;
		if (clock_ms() >= deadline)
			return false;
		if (clock_ms() >= next) {
			beat();
			next = clock_ms() + BEAT_MS;
		}
		poll(NULL, 0, 1);
	}
	return true;
}
