// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asm/unistd.h>
#include <linux/futex.h>

#include "ktap.h"
#include "syscalls.h"

#define ARGUMENTS	6
/* None sleeps that all of its arguments are wrong of: what does so twice is there. */
#define ASLEEP_SECONDS	1

/*
 * What would end the process or wait for ever, makes another one or something that
 * stays, has no argument that could be wrong, or is too great a thing to be tried.
 */
static const int never_called[] = {
	__NR_exit,
	__NR_exit_group,
	__NR_clone,
	__NR_rt_sigreturn,
	__NR_kill,
	__NR_setsid,		/* who ends the group of the probe ends these calls, too */
	__NR_setpgid,
	__NR_reboot,
	__NR_vhangup,
	__NR_msgget,
	__NR_init_module,
	__NR_kexec_load,
	__NR_remap_file_pages,	/* says in the kernel's log that nobody should */
#ifdef __NR_kexec_file_load
	__NR_kexec_file_load,
#endif
#ifdef __NR_fork
	__NR_fork,
#endif
#ifdef __NR_vfork
	__NR_vfork,
#endif
#ifdef __NR_pause
	__NR_pause,
#endif
#ifdef __NR_alarm
	__NR_alarm,		/* the guard of these calls */
#endif
#ifdef __NR_uretprobe
	__NR_uretprobe,
#endif
#ifdef __NR_uprobe
	__NR_uprobe,
#endif
#ifdef __x86_64__
	335, 336,		/* the same where the headers do not know them: both are for a trampoline */
#endif
};

/* Calls that answer ENOSYS to an operation that they do not know. */
static const struct {
	int number;
	long args[ARGUMENTS];
} known_operations[] = {
	{ __NR_futex, { -1, FUTEX_WAKE, -1, -1, -1, -1 } },
#ifdef __NR_modify_ldt
	{ __NR_modify_ldt, { 0, -1, -1, -1, -1, -1 } },
#endif
};

static bool is_called(int number)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(never_called); i++)
		if (never_called[i] == number)
			return false;
	return true;
}

static bool is_there(int number)
{
	static const long wrong[ARGUMENTS] = { -1, -1, -1, -1, -1, -1 };
	const long *args = wrong;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known_operations); i++)
		if (known_operations[i].number == number)
			args = known_operations[i].args;
	return syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]) != -1 || errno != ENOSYS;
}

/* What the process that calls has come to; its parent reads it there. */
struct progress {
	volatile int number;
	volatile bool there[SYSCALL_NUMBERS];
};

#define NONE_YET	-1

static _Noreturn void call_from(struct progress *progress, pid_t parent, int first)
{
	int number;

	/* A check that is out of time is killed, and nobody would end this one. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	for (number = first; number < SYSCALL_NUMBERS; number++) {
		if (!is_called(number))
			continue;
		progress->number = number;
		alarm(ASLEEP_SECONDS);
		progress->there[number] = is_there(number);
	}
	progress->number = SYSCALL_NUMBERS;
	_exit(0);
}

/* How a process ends that calls all numbers from @first on, if it comes so far. */
static int call_apart(struct progress *progress, int first)
{
	pid_t parent = getpid(), pid;
	int status = 0;

	progress->number = NONE_YET;
	pid = fork();
	if (pid < 0)
		ktap_fail("cannot fork: %s", strerror(errno));
	if (!pid)
		call_from(progress, parent, first);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (progress->number == NONE_YET)
		ktap_fail("the process that calls ended before it called anything: status %#x", status);
	return status;
}

void syscalls_find(bool there[SYSCALL_NUMBERS])
{
	struct progress *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int first = 0, late = NONE_YET, number, status;

	if (progress == MAP_FAILED)
		ktap_fail("cannot map memory: %s", strerror(errno));
	for (;;) {
		status = call_apart(progress, first);
		number = progress->number;
		if (number == SYSCALL_NUMBERS)
			break;
		/* It may be the host that slept: once more, and that is believed. */
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM && number != late) {
			first = late = number;
			continue;
		}
		/* Whatever it died of, something was done. */
		progress->there[number] = true;
		first = number + 1;
	}
	for (number = 0; number < SYSCALL_NUMBERS; number++)
		there[number] = progress->there[number];
}
