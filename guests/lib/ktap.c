// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "ktap.h"

/*
 * Every check takes milliseconds, even where TCG emulates the hypervisor. One
 * that is not done after this long will never be: an endless KVM_RUN, say.
 */
#define CHECK_SECONDS	10

/* One that is driven may wait for whoever does that. */
#define DRIVEN_SECONDS	3600

/* A process that SIGKILL does not end in this time is stuck in the kernel. */
#define REAP_SECONDS	2

#define LINE_BYTES	1024

/* Exit statuses of a check's process; any other is a failure that is told. */
enum verdict {
	PASS = 0,
	FAIL = 1,
	SKIP = 4,
};

static const char *const verdict_words[] = {
	[PASS] = " pass",
	[FAIL] = " fail",
	[SKIP] = " skip",
};

/* Where a check's process leaves the reason of its skip. */
static int reason_fd = -1;

/* One write a line: nothing is lost in a buffer when the next thing is a panic. */
static void put_line(const char *prefix, const char *fmt, va_list ap)
{
	char line[LINE_BYTES];
	int len, room;
	char *p;

	len = snprintf(line, sizeof(line), "%s", prefix);
	room = sizeof(line) - len - 1;
	len += vsnprintf(line + len, room, fmt, ap);
	if (len > LINE_BYTES - 2)
		len = LINE_BYTES - 2;
	for (p = line; p < line + len; p++)
		if (*p == '\n')
			*p = ' ';
	line[len++] = '\n';

	for (p = line; len; ) {
		ssize_t n = write(STDOUT_FILENO, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(2);
		p += n;
		len -= n;
	}
}

static __attribute__((format(printf, 1, 2))) void put(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line("", fmt, ap);
	va_end(ap);
}

void ktap_diag(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line("# ", fmt, ap);
	va_end(ap);
}

void ktap_cap(const char *name, int value)
{
	ktap_diag("cap %s=%d", name, value);
}

void ktap_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line("# ", fmt, ap);
	va_end(ap);
	_exit(FAIL);
}

void ktap_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdprintf(reason_fd, fmt, ap);
	va_end(ap);
	_exit(SKIP);
}

static void put_plan(const char *probe, const struct check *checks, int n)
{
	int i;

	put("KTAP version 1");
	put("# Subtest: %s", probe);
	put("1..%d", n);

	/* Names for the results that a panic may take with it. */
	dprintf(STDOUT_FILENO, "# plan:");
	for (i = 0; i < n; i++)
		dprintf(STDOUT_FILENO, " %s", checks[i].name);
	dprintf(STDOUT_FILENO, "\n");
}

/* By a test of the host's, which has marks and deadlines of its own (guests/init/serve.c). */
static bool is_driven(void)
{
	return getenv("KTAP_DRIVEN");
}

/*
 * Tell in the kernel's log where a check begins, where it ends, and how: printk
 * is on the host's side of the serial port when this returns, while the result
 * itself has still to pass through init, and may go down with the machine there.
 */
static void mark(const char *what, const char *probe, const char *check, const char *how)
{
	static bool told;
	char line[256];
	int fd, len;

	if (is_driven())
		return;
	fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	/* A record of the log is one write. */
	len = snprintf(line, sizeof(line), "<6>kseries: %s %s.%s%s\n", what, probe, check, how);
	if ((fd < 0 || write(fd, line, len) != len) && !told) {
		told = true;
		ktap_diag("cannot write to /dev/kmsg: %s", strerror(errno));
	}
	if (fd >= 0)
		close(fd);
}

static bool ended_within(pid_t pid, int pidfd, int seconds, int *status)
{
	struct pollfd fd = { .fd = pidfd, .events = POLLIN };
	long long deadline = clock_ms() + seconds * 1000LL;

	for (;;) {
		long long left = deadline - clock_ms();

		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		if (left <= 0)
			return false;
		poll(&fd, 1, left);
	}
}

static enum verdict judge(int status)
{
	if (WIFSIGNALED(status)) {
		ktap_diag("killed by signal %d (%s)", WTERMSIG(status),
			  strsignal(WTERMSIG(status)));
		return FAIL;
	}
	switch (WEXITSTATUS(status)) {
	case PASS:
	case FAIL:
	case SKIP:
		return WEXITSTATUS(status);
	}
	ktap_diag("exit status %d in place of a verdict", WEXITSTATUS(status));
	return FAIL;
}

/* Run one function in a process of its own, under a deadline. */
static enum verdict run_apart(void (*run)(void), char *reason, size_t size)
{
	const int seconds = is_driven() ? DRIVEN_SECONDS : CHECK_SECONDS;
	enum verdict verdict;
	int pidfd, status;
	ssize_t n;
	int fds[2];
	pid_t pid;

	reason[0] = '\0';
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK)) {
		ktap_diag("cannot make a pipe: %s", strerror(errno));
		return FAIL;
	}

	pid = fork();
	if (pid < 0) {
		ktap_diag("cannot fork: %s", strerror(errno));
		close(fds[0]);
		close(fds[1]);
		return FAIL;
	}
	if (!pid) {
		reason_fd = fds[1];
		run();
		_exit(PASS);
	}
	close(fds[1]);

	/* Without one, poll() sleeps through a check's end; still right, only slow. */
	pidfd = pidfd_open(pid, 0);
	if (ended_within(pid, pidfd, seconds, &status)) {
		verdict = judge(status);
	} else {
		verdict = FAIL;
		kill(pid, SIGKILL);
		if (ended_within(pid, pidfd, REAP_SECONDS, &status))
			ktap_diag("killed by signal %d: no progress in %d s",
				  SIGKILL, seconds);
		else
			ktap_diag("stuck in the kernel: no progress in %d s, and not dead %d s after SIGKILL",
				  seconds, REAP_SECONDS);
	}
	if (pidfd >= 0)
		close(pidfd);

	n = read(fds[0], reason, size - 1);
	reason[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	return verdict;
}

int ktap_main(const char *probe, const struct check *checks, int n,
	      void (*before)(void))
{
	char reason[LINE_BYTES / 2];
	bool failed = false;
	int i;

	put_plan(probe, checks, n);
	if (before && run_apart(before, reason, sizeof(reason)) == FAIL)
		ktap_diag("so much for what comes before the checks of %s", probe);

	for (i = 0; i < n; i++) {
		enum verdict verdict;

		mark("enter", probe, checks[i].name, "");
		verdict = run_apart(checks[i].run, reason, sizeof(reason));
		mark("leave", probe, checks[i].name, verdict_words[verdict]);

		switch (verdict) {
		case PASS:
			put("ok %d %s", i + 1, checks[i].name);
			break;
		case SKIP:
			put("ok %d %s # SKIP %s", i + 1, checks[i].name, reason);
			break;
		case FAIL:
			put("not ok %d %s", i + 1, checks[i].name);
			failed = true;
			break;
		}
	}
	return failed ? 1 : 0;
}
