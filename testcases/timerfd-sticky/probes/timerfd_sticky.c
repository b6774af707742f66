// SPDX-License-Identifier: GPL-2.0-only
/*
 * TFD_STICKY: a timerfd that keeps the expirations which nobody has read when it
 * is set anew. Uses the kernel's headers and not libc's, which do not know the
 * flag.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <linux/timerfd.h>

#include "ktap.h"

#define PERIOD_NS	2000000
/* Many periods, however busy the host is: it gets longer, never shorter. */
#define WAIT_NS		(20 * PERIOD_NS)

#ifndef TFD_STICKY
#define TFD_STICKY	0
#endif

static int create(int flags)
{
	return syscall(SYS_timerfd_create, CLOCK_MONOTONIC, flags | TFD_NONBLOCK);
}

static bool advertised(void)
{
	int fd = TFD_STICKY ? create(TFD_STICKY) : -1;

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void tell_caps(void)
{
	ktap_cap("TFD_STICKY", advertised());
}

static void set(int fd, long first_ns, long period_ns)
{
	struct itimerspec time = {
		.it_value.tv_nsec = first_ns,
		.it_interval.tv_nsec = period_ns,
	};

	if (syscall(SYS_timerfd_settime, fd, 0, &time, NULL))
		ktap_fail("cannot set the timer: %s", strerror(errno));
}

/* The expirations that are left of a timer that has run, and was then set anew. */
static uint64_t left(bool sticky, long period_ns)
{
	struct timespec wait = { .tv_nsec = WAIT_NS };
	uint64_t ticks = 0;
	int fd;

	if (sticky && !advertised())
		ktap_skip("TFD_STICKY is not advertised");
	fd = create(sticky ? TFD_STICKY : 0);
	if (fd < 0)
		ktap_fail("cannot make a timerfd: %s", strerror(errno));
	set(fd, PERIOD_NS, period_ns);
	nanosleep(&wait, NULL);
	set(fd, 0, 0);
	if (read(fd, &ticks, sizeof(ticks)) < 0 && errno != EAGAIN)
		ktap_fail("cannot read the timer: %s", strerror(errno));
	return ticks;
}

static void unread_expiration_is_kept(void)
{
	uint64_t ticks = left(true, 0);

	if (ticks != 1)
		ktap_fail("expected the one expiration to be kept, got %ju", (uintmax_t)ticks);
}

static void unnoticed_periods_are_kept(void)
{
	uint64_t ticks = left(true, PERIOD_NS);

	if (ticks < 2)
		ktap_fail("expected many expirations to be kept, got %ju", (uintmax_t)ticks);
}

static void flag_refused(void)
{
	if (!TFD_STICKY)
		ktap_skip("the headers of this kernel do not define TFD_STICKY");
	if (advertised())
		ktap_skip("TFD_STICKY is advertised");
	if (errno != EINVAL)
		ktap_fail("expected TFD_STICKY to be refused with EINVAL, got %s", strerror(errno));
}

static void others_forget(void)
{
	uint64_t ticks = left(false, PERIOD_NS);

	if (ticks)
		ktap_fail("expected a timer without the flag to start afresh, got %ju", (uintmax_t)ticks);
}

static void fdinfo_tells_the_period(void)
{
	char path[64], text[512] = "";
	int fd = create(0);
	FILE *info;

	set(fd, PERIOD_NS, PERIOD_NS);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "r");
	if (!info || !fread(text, 1, sizeof(text) - 1, info))
		ktap_fail("cannot read %s: %s", path, strerror(errno));
	if (!strstr(text, "it_interval: (0, 2000000)\n"))
		ktap_fail("expected a period of 2 ms, got %s", text);
}

static const struct check checks[] = {
	{ "flag_refused", flag_refused },
	{ "unread_expiration_is_kept", unread_expiration_is_kept },
	{ "unnoticed_periods_are_kept", unnoticed_periods_are_kept },
	{ "others_forget", others_forget },
	{ "fdinfo_tells_the_period", fdinfo_tells_the_period },
};

int main(void)
{
	return ktap_main("timerfd_sticky", checks, ARRAY_SIZE(checks), tell_caps);
}
