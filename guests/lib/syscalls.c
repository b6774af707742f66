// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asm/unistd.h>
#include <linux/futex.h>

#include "ktap.h"
#include "syscalls.h"

#define ARGUMENTS	6
/* None sleeps that all of its arguments are wrong of: what does is there. */
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

static _Noreturn void call_from(struct progress *progress, int first)
{
	int number;

	for (number = first; number < SYSCALL_NUMBERS; number++) {
		progress->number = number;
		alarm(ASLEEP_SECONDS);
		progress->there[number] = is_called(number) && is_there(number);
	}
	progress->number = number;
	_exit(0);
}

void syscalls_find(bool there[SYSCALL_NUMBERS])
{
	struct progress *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int first, number, status;
	pid_t pid;

	if (progress == MAP_FAILED)
		ktap_fail("cannot map memory: %s", strerror(errno));
	for (first = 0; first < SYSCALL_NUMBERS; first = progress->number + 1) {
		pid = fork();
		if (pid < 0)
			ktap_fail("cannot fork: %s", strerror(errno));
		if (!pid)
			call_from(progress, first);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		/* Whatever it died of, something was done. */
		if (progress->number < SYSCALL_NUMBERS)
			progress->there[progress->number] = true;
	}
	for (number = 0; number < SYSCALL_NUMBERS; number++)
		there[number] = progress->there[number];
}
