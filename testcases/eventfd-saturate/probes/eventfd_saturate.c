// SPDX-License-Identifier: GPL-2.0-only
/*
 * EFD_SATURATE: a counter that stays at its maximum rather than have its writers
 * wait. Uses the kernel's headers and not libc's, which do not know the flag.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/eventfd.h>

#include "ktap.h"

#define MAXIMUM		(UINT64_MAX - 1)

#ifndef EFD_SATURATE
#define EFD_SATURATE	0
#endif

static int open_eventfd(int flags)
{
	return syscall(SYS_eventfd2, 0, flags);
}

static bool advertised(void)
{
	int fd = EFD_SATURATE ? open_eventfd(EFD_SATURATE) : -1;

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void tell_caps(void)
{
	ktap_cap("EFD_SATURATE", advertised());
}

static void add(int fd, uint64_t value)
{
	ssize_t n = write(fd, &value, sizeof(value));

	if (n < 0)
		ktap_fail("expected a write of %ju to be taken, got %s", (uintmax_t)value, strerror(errno));
	if (n != sizeof(value))
		ktap_fail("expected a write to take 8 bytes, got %zd", n);
}

static uint64_t take(int fd)
{
	uint64_t value;

	if (read(fd, &value, sizeof(value)) != sizeof(value))
		ktap_fail("cannot read the counter: %s", strerror(errno));
	return value;
}

/* One whose counter has no room left. */
static int full(int flags)
{
	int fd;

	if (!advertised())
		ktap_skip("EFD_SATURATE is not advertised");
	fd = open_eventfd(EFD_SATURATE | flags);
	if (fd < 0)
		ktap_fail("cannot make an eventfd with flags %#x: %s", EFD_SATURATE | flags, strerror(errno));
	add(fd, MAXIMUM);
	return fd;
}

static void nonblocking_write_is_taken(void)
{
	add(full(EFD_NONBLOCK), 5);
}

/* A write that waits is ended by the time limit of the check. */
static void blocking_write_returns(void)
{
	add(full(0), 5);
}

static void counter_stays_at_its_maximum(void)
{
	int fd = full(EFD_NONBLOCK);
	uint64_t value;

	add(fd, 5);
	value = take(fd);
	if (value != MAXIMUM)
		ktap_fail("expected the counter at %ju, got %ju", (uintmax_t)MAXIMUM, (uintmax_t)value);
}

static void poll_says_writable(void)
{
	struct pollfd pollfd = { .fd = full(0), .events = POLLOUT };

	if (poll(&pollfd, 1, 0) != 1 || pollfd.revents != POLLOUT)
		ktap_fail("expected POLLOUT, got %#x", pollfd.revents);
}

static void reader_starts_afresh(void)
{
	int fd = full(EFD_NONBLOCK);
	uint64_t value;

	add(fd, 5);
	take(fd);
	add(fd, 7);
	value = take(fd);
	if (value != 7)
		ktap_fail("expected the counter at 7, got %ju", (uintmax_t)value);
}

/* With EINVAL, by which user space tells that the flag is not there, and in any company. */
static void flag_refused(void)
{
	static const int company[] = { 0, EFD_NONBLOCK, EFD_SEMAPHORE };
	size_t i;

	if (!EFD_SATURATE)
		ktap_skip("the headers of this kernel do not define EFD_SATURATE");
	if (advertised())
		ktap_skip("EFD_SATURATE is advertised");
	for (i = 0; i < ARRAY_SIZE(company); i++)
		if (open_eventfd(EFD_SATURATE | company[i]) >= 0 || errno != EINVAL)
			ktap_fail("expected EINVAL for flags %#x", EFD_SATURATE | company[i]);
}

static void other_writers_wait(void)
{
	int fd = open_eventfd(EFD_NONBLOCK);
	uint64_t value = 5;

	add(fd, MAXIMUM);
	if (write(fd, &value, sizeof(value)) >= 0 || errno != EAGAIN)
		ktap_fail("expected EAGAIN from an eventfd without the flag");
}

static void fdinfo_tells_the_count(void)
{
	char path[64], text[512] = "";
	int fd = open_eventfd(0);
	FILE *info;

	add(fd, 90);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "r");
	if (!info)
		ktap_fail("cannot open %s: %s", path, strerror(errno));
	fread(text, 1, sizeof(text) - 1, info);
	if (!strstr(text, "5a\n"))
		ktap_fail("expected eventfd-count 5a, got %s", text);
}

static const struct check checks[] = {
	{ "flag_refused", flag_refused },
	{ "nonblocking_write_is_taken", nonblocking_write_is_taken },
	{ "blocking_write_returns", blocking_write_returns },
	{ "counter_stays_at_its_maximum", counter_stays_at_its_maximum },
	{ "poll_says_writable", poll_says_writable },
	{ "reader_starts_afresh", reader_starts_afresh },
	{ "other_writers_wait", other_writers_wait },
	{ "fdinfo_tells_the_count", fdinfo_tells_the_count },
};

int main(void)
{
	return ktap_main("eventfd_saturate", checks, ARRAY_SIZE(checks), tell_caps);
}
