// SPDX-License-Identifier: GPL-2.0-only
/*
 * A probe that ends its machine, or tries to, in the way that its own name
 * says. One program, packed under as many names as a test wants to see:
 *
 *	calm, then the ending, then after
 *
 * "after" is what a kernel must live through to be alive. Endings that user
 * space cannot reach are asked of mutants/endings.patch.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest.h"
#include "ktap.h"
#include "vm.h"

static const char *name;

static void calm(void)
{
}

static void reboot_with(unsigned int cmd)
{
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, cmd, NULL);
}

static void print_noise(const char *path)
{
	unsigned char noise[4096];
	int fd = open(path, O_WRONLY | O_NOCTTY);
	size_t i;

	if (fd < 0)
		ktap_fail("cannot open %s: %s", path, strerror(errno));
	for (i = 0; i < sizeof(noise); i++)
		noise[i] = random();
	for (i = 0; i < 4; i++)
		if (write(fd, noise, sizeof(noise)) < 0)
			ktap_fail("cannot write to %s: %s", path, strerror(errno));
	close(fd);
}

/* A guest of the guest that never leaves its one instruction: jmp . */
static void hang_l2(void)
{
	struct slot code = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, 1);
	struct vm vm;

	guest_create(&vm, VM_TYPE_DEFAULT);
	memcpy(code.hva, "\xeb\xfe", 2);
	if (vm_set_slot(&vm, &code, 0))
		ktap_fail("cannot add a slot");
	guest_access(&vm, ACCESS_FETCH, code.gpa, 0);
	vm_run(&vm);
}

/* init ignores every signal that it does not ask for, and dies of what it does itself. */
static void kill_init(void)
{
	unsigned long from, to;
	char line[512];
	FILE *maps = fopen("/proc/1/maps", "r");
	int mem = open("/proc/1/mem", O_WRONLY);

	if (!maps || mem < 0)
		ktap_fail("cannot look into init: %s", strerror(errno));
	while (fgets(line, sizeof(line), maps)) {
		static char rubbish[4096];

		if (!strstr(line, "[stack]") || sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		memset(rubbish, 0xff, sizeof(rubbish));
		for (; from < to; from += sizeof(rubbish))
			if (pwrite(mem, rubbish, sizeof(rubbish), from) < 0)
				ktap_fail("cannot write to init: %s", strerror(errno));
	}
	ktap_diag("for init to pass on");
	pause();
}

static void put_half_a_line(void)
{
	static const char half[] = "ok 2 en";

	if (write(STDOUT_FILENO, half, sizeof(half) - 1) < 0)
		ktap_fail("cannot write: %s", strerror(errno));
}

static void end(void)
{
	static const struct {
		const char *name;
		unsigned int cmd;
	} commands[] = {
		{ "panic", 'p' },
		{ "oops", 'o' },
		{ "deadly_oops", 'O' },
		{ "bug", 'b' },
		{ "warning", 'w' },
		{ "hang", 'h' },
		{ "loop", 'l' },
		{ "triple_fault", 't' },
		{ "emergency_restart", 'r' },
		{ "flood", 'f' },
		{ "reboot", LINUX_REBOOT_CMD_RESTART },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(name, commands[i].name))
			reboot_with(commands[i].cmd);

	if (!strcmp(name, "user_hang") || !strcmp(name, "two_hangs"))
		pause();
	if (!strcmp(name, "l2_hang"))
		hang_l2();
	if (!strcmp(name, "noise")) {
		print_noise("/dev/ttyS0");
		print_noise("/dev/ttyS1");
	}
	while (!strcmp(name, "forks"))
		fork();
	if (!strcmp(name, "kills_init"))
		kill_init();
	if (!strcmp(name, "half_line") || !strcmp(name, "half_line_and_gone"))
		put_half_a_line();
	if (!strcmp(name, "half_line_and_gone"))
		kill(getppid(), SIGKILL);
	while (!strcmp(name, "results_flood"))
		ktap_diag("ok 1 is what this line is not, and there is no end to it");
}

static void after(void)
{
	if (!strcmp(name, "two_hangs"))
		pause();
}

static const struct check checks[] = {
	{ "calm", calm },
	{ "end", end },
	{ "after", after },
};

/* Before KTAP, or in its place: what no check's deadline covers. */
static void end_probe(void)
{
	if (!strcmp(name, "silent_probe"))
		pause();
	while (!strcmp(name, "probe_flood"))
		puts("# and so on");
	if (!strcmp(name, "at_once"))
		reboot_with('p');
}

int main(int argc, char **argv)
{
	(void)argc;
	name = basename(argv[0]);
	end_probe();
	return ktap_main(name, checks, ARRAY_SIZE(checks), NULL);
}
