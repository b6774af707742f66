// SPDX-License-Identifier: GPL-2.0-only
/* A timerfd that expires once: tells when it is armed, and how often it expired after how many ms of this machine. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"

int main(int argc, char **argv)
{
	const struct itimerspec when = { .it_value.tv_sec = argc > 1 ? atoi(argv[1]) : 1 };
	uint64_t expirations;
	long long began;
	int fd;

	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	began = clock_ms();
	if (fd < 0 || timerfd_settime(fd, 0, &when, NULL)) {
		perror("timerfd");
		return 1;
	}
	printf("armed\n");
	fflush(stdout);
	if (read(fd, &expirations, sizeof(expirations)) != sizeof(expirations)) {
		perror("read");
		return 1;
	}
	printf("%" PRIu64 " %lld\n", expirations, clock_ms() - began);
	return 0;
}
