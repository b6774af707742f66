// SPDX-License-Identifier: GPL-2.0-only
/*
 * TFD_SEMAPHORE: a timerfd that hands out its expirations one by one. Uses the
 * kernel's headers and not libc's, which do not know the flag.
 */
#include <errno.h>
#include <poll.h>
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

#ifndef TFD_SEMAPHORE
#define TFD_SEMAPHORE	0
#endif

static int create(int flags)
{
	return syscall(SYS_timerfd_create, CLOCK_MONOTONIC, flags | TFD_NONBLOCK);
}

static bool advertised(void)
{
	int fd = TFD_SEMAPHORE ? create(TFD_SEMAPHORE) : -1;

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void tell_caps(void)
{
	ktap_cap("TFD_SEMAPHORE", advertised());
}

/* One that has expired many times since anybody looked. */
static int expired(bool semaphore)
{
	struct itimerspec time = {
		.it_value.tv_nsec = PERIOD_NS,
		.it_interval.tv_nsec = PERIOD_NS,
	};
	struct timespec wait = { .tv_nsec = WAIT_NS };
	int fd;

	if (semaphore && !advertised())
		ktap_skip("TFD_SEMAPHORE is not advertised");
	fd = create(semaphore ? TFD_SEMAPHORE : 0);
	if (fd < 0)
		ktap_fail("cannot make a timerfd: %s", strerror(errno));
	if (syscall(SYS_timerfd_settime, fd, 0, &time, NULL))
		ktap_fail("cannot set the timer: %s", strerror(errno));
	nanosleep(&wait, NULL);
	return fd;
}

static uint64_t take(int fd)
{
	uint64_t ticks;

	if (read(fd, &ticks, sizeof(ticks)) != sizeof(ticks))
		ktap_fail("cannot read the timer: %s", strerror(errno));
	return ticks;
}

static void expect(int fd, uint64_t wanted)
{
	uint64_t ticks = take(fd);

	if (ticks != wanted)
		ktap_fail("expected a read to take %ju, got %ju", (uintmax_t)wanted, (uintmax_t)ticks);
}

static void read_takes_one(void)
{
	expect(expired(true), 1);
}

static void rest_is_for_other_readers(void)
{
	int fd = expired(true);
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	expect(fd, 1);
	if (poll(&pollfd, 1, 0) != 1)
		ktap_fail("expected the rest to be there, and poll() says that there is none");
	expect(fd, 1);
}

static void flag_refused(void)
{
	if (!TFD_SEMAPHORE)
		ktap_skip("the headers of this kernel do not define TFD_SEMAPHORE");
	if (advertised())
		ktap_skip("TFD_SEMAPHORE is advertised");
	if (errno != EINVAL)
		ktap_fail("expected TFD_SEMAPHORE to be refused with EINVAL, got %s", strerror(errno));
}

static void others_take_all(void)
{
	uint64_t ticks = take(expired(false));

	if (ticks < 2)
		ktap_fail("expected all expirations, got %ju", (uintmax_t)ticks);
}

static void asking_the_time_loses_none(void)
{
	int fd = expired(false);
	struct itimerspec time;
	uint64_t ticks;

	if (syscall(SYS_timerfd_gettime, fd, &time))
		ktap_fail("cannot ask for the time: %s", strerror(errno));
	if (time.it_interval.tv_nsec != PERIOD_NS)
		ktap_fail("expected a period of %d ns, got %ld", PERIOD_NS, time.it_interval.tv_nsec);
	ticks = take(fd);
	if (ticks < 2)
		ktap_fail("expected all expirations, got %ju", (uintmax_t)ticks);
}

static void fdinfo_tells_the_ticks(void)
{
	char path[64], text[512] = "";
	int fd = expired(false);
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "r");
	if (!info || !fread(text, 1, sizeof(text) - 1, info))
		ktap_fail("cannot read %s: %s", path, strerror(errno));
	if (!strstr(text, "ticks: 1\n"))
		ktap_fail("expected the one expiration that the timer has seen, got %s", text);
}

static const struct check checks[] = {
	{ "flag_refused", flag_refused },
	{ "read_takes_one", read_takes_one },
	{ "rest_is_for_other_readers", rest_is_for_other_readers },
	{ "others_take_all", others_take_all },
	{ "asking_the_time_loses_none", asking_the_time_loses_none },
	{ "fdinfo_tells_the_ticks", fdinfo_tells_the_ticks },
};

int main(void)
{
	return ktap_main("timerfd_semaphore", checks, ARRAY_SIZE(checks), tell_caps);
}
