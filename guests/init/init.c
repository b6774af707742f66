// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only process of a booted state that is not a probe. Runs the probes that
 * /probes.list tells of, one after the other, and passes what they say to the
 * host on a channel that no printk can tear apart. A line of the list is a word
 * and what belongs to it, to the end of the line:
 *
 *	probe NAME		one of ours; the lines behind it are about it
 *	program NAME		anybody else's
 *	command NAME		the same, run in the userland; it leaves nothing behind
 *	seconds N		how long it may run
 *	arg WORD		its path, then each word of its command line
 *	env VARIABLE=VALUE
 *
 * The channel is told by the kernel command line: KTAP=ttyS1. The list is not
 * there: a kernel with more than 32 words for init panics (MAX_INIT_ARGS in
 * init/main.c), and 2048 bytes is all that x86 keeps of it.
 *
 * It knows nothing about KVM, and judges nothing but how a probe ended.
 *
 * A program that is not ours need not know of us: the status that it exits with
 * is a check, and what it prints that is no KTAP explains it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "processes.h"
#include "serve.h"
#include "userland.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* In an archive of its own behind the image's: it differs from boot to boot. */
#define LIST		"/probes.list"

#define INDENT		4
#define LINE_MAX_BYTES	4096

/* For a probe that the list gives no seconds. */
#define DEFAULT_SECONDS	60

/* The most that a probe may have of "arg", and of "env" (harness/kseries/model/probe.py). */
#define WORDS		31

/*
 * A probe that works prints something more often than this: a check gets 10 s
 * and 2 s to die (lib/ktap.c). Less than the host's patience with a machine that
 * gets nowhere (harness/kseries/guest/liveness.py), or it would blame the kernel.
 */
#define SILENT_SECONDS	20

/* What may still wait in the pipe of a dead probe; pipes hold 64 KiB. */
#define DRAIN_BYTES	(1 << 20)

/* What is passed on of a command: sixty that print without end fit into the host's patience. */
#define OUTPUT_BYTES	(256 << 10)

/* A program may be silent; as long as it has time, the host hears this often of it. */
#define BEAT_MS		10000

/* What kselftest's programs exit with where they cannot test (kselftest.h). */
#define EXIT_SKIP	4

/* What the list tells of a probe; all text is in the list itself. */
struct probe {
	const char *name;
	bool foreign;
	/* In the userland. */
	bool inside;
	int seconds;
	char *args[WORDS + 1];
	char *env[WORDS + 1];
};

struct line {
	char text[INDENT + LINE_MAX_BYTES + 1];
	size_t len;
	/* Whose lines these are. */
	const char *probe;
	/* Somebody else's program, until it begins as our probes do. */
	bool foreign;
	/* So many bytes may still be passed on; once they are not enough, no line is. */
	size_t room;
	bool cut;
};

static void line_reset(struct line *line)
{
	memset(line->text, ' ', INDENT);
	line->len = INDENT;
}

static bool starts(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static void line_quote(struct line *line)
{
	char quoted[sizeof(line->text)];

	line->len = snprintf(quoted, sizeof(quoted) - 1, "%*s# %s", INDENT, "", line->text + INDENT);
	if (line->len > sizeof(quoted) - 2)
		line->len = sizeof(quoted) - 2;
	memcpy(line->text, quoted, line->len);
}

/*
 * May this be said? Nobody begins a probe but the one that runs, or it could go on
 * to answer for others. Nor does a program that knows nothing of us announce checks
 * by name; one that begins as ours do (lib/ktap.c) is one of ours from then on. What
 * all else means, KTAP or not, is for the host to tell (harness/kseries/probes/tap.py); of the tests
 * that one test nests in itself it begins no probe.
 */
static bool line_stands(struct line *line)
{
	static const char subtest[] = "# Subtest: ";
	const char *text = line->text + INDENT;

	if (starts(text, subtest)) {
		if (strcmp(text + strlen(subtest), line->probe))
			return false;
		line->foreign = false;
		return true;
	}
	return !line->foreign || !starts(text + strspn(text, " \t"), "# plan: ");
}

static void line_end(struct line *line)
{
	line->text[line->len] = '\0';
	if (!line_stands(line))
		line_quote(line);
	line->text[line->len++] = '\n';
	line->cut = line->cut || line->len > line->room;
	if (!line->cut) {
		channel_write(line->text, line->len);
		line->room -= line->len;
	}
	line_reset(line);
}

static void line_add(struct line *line, const char *bytes, size_t n)
{
	for (; n; n--, bytes++) {
		if (*bytes == '\n')
			line_end(line);
		else if (line->len < INDENT + LINE_MAX_BYTES)
			line->text[line->len++] = *bytes;
	}
}

static void mount_all(void)
{
	static const struct {
		const char *type, *path;
	} mounts[] = {
		{ "devtmpfs", "/dev" },
		{ "proc", "/proc" },
		{ "sysfs", "/sys" },
		{ "tmpfs", "/tmp" },
	};
	int errors[ARRAY_SIZE(mounts)];
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(mounts); i++) {
		mkdir(mounts[i].path, 0755);
		errors[i] = 0;
		if (mount(mounts[i].type, mounts[i].path, mounts[i].type, 0, NULL) &&
		    errno != EBUSY)
			errors[i] = errno;
	}

	/* An image without /dev/console starts us with no stdio at all. */
	if (fcntl(STDERR_FILENO, F_GETFD) < 0) {
		fd = open("/dev/console", O_RDWR | O_NOCTTY);
		while (fd >= 0 && fd < STDERR_FILENO)
			fd = dup(fd);
	}

	for (i = 0; i < ARRAY_SIZE(mounts); i++) {
		if (!errors[i])
			continue;
		errno = errors[i];
		complain("cannot mount", mounts[i].path);
	}
}

/* As lib/ktap.c does: whatever the kernel says from here on is about this check. */
static void mark(const char *what, const char *name, const char *how)
{
	char line[256];
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	int len = snprintf(line, sizeof(line), "<6>kseries: %s %s.exit_status%s\n", what, name, how);

	if (fd < 0 || write(fd, line, len) != len)
		complain("cannot mark", name);
	if (fd >= 0)
		close(fd);
}

static _Noreturn void exec_probe(const struct probe *probe, int out)
{
	char *const *env;
	int null;

	setpgid(0, 0);
	null = open("/dev/null", O_RDONLY);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	if (probe->foreign)
		dup2(out, STDERR_FILENO);
	for (env = probe->env; *env; env++)
		putenv(*env);
	if (probe->inside) {
		setpriority(PRIO_PROCESS, 0, 0);
		enter_userland();
		fflush(stdout);
	}

	/* The path is its first word, since a program may read itself: kselftest's for KVM do. */
	execv(probe->args[0], probe->args);
	printf("# cannot run %s: %s\n", probe->args[0], strerror(errno));
	fflush(stdout);
	_exit(127);
}

/* Pass on what is in the pipe now. False once there is no more to come. */
static bool pass_on(int from, struct line *line, size_t *passed)
{
	char buf[LINE_MAX_BYTES];
	ssize_t n = read(from, buf, sizeof(buf));

	if (n > 0) {
		line_add(line, buf, n);
		*passed += n;
		return true;
	}
	return n < 0 && errno == EINTR;
}

/* Ours, which begins nothing; at the program's depth it would end what it tells. */
static void beat_once(void)
{
	say("KTAP version 1");
}

/*
 * 0 when the probe ended by itself, else the seconds that it did not keep to. Its
 * end is told by its pidfd, not by the end of its output: something that it left
 * behind may hold the pipe open.
 */
static int follow(int from, int pidfd, int seconds, struct line *line)
{
	long long deadline = clock_ms() + seconds * 1000LL;
	long long silent = clock_ms() + SILENT_SECONDS * 1000LL;
	long long beat = clock_ms() + BEAT_MS;
	struct pollfd fds[] = {
		{ .fd = from, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN },
	};
	size_t passed = 0;

	for (;;) {
		long long now = clock_ms();
		long long until = line->foreign ? beat : silent;
		long long left = (until < deadline ? until : deadline) - now;

		if (left <= 0 && (now >= deadline || !line->foreign))
			return now >= deadline ? seconds : SILENT_SECONDS;
		if (left <= 0) {
			beat_once();
			beat = now + BEAT_MS;
			continue;
		}
		if (poll(fds, 2, left) < 0 && errno != EINTR)
			die("cannot poll", "a probe");
		if (fds[0].revents) {
			if (!pass_on(from, line, &passed))
				fds[0].fd = -1;
			silent = clock_ms() + SILENT_SECONDS * 1000LL;
		}
		if (fds[1].revents)
			return 0;
	}
}

static bool reap(pid_t pid, int pidfd, int *status)
{
	struct pollfd fd = { .fd = pidfd, .events = POLLIN };
	long long deadline = clock_ms() + REAP_MS;

	for (;;) {
		long long left = deadline - clock_ms();

		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		if (left <= 0)
			return false;
		poll(&fd, 1, left);
	}
}

/*
 * The one check of a program that knows nothing of us. A document of its own: what
 * the program planned and told is another one, whether it adds up or not.
 */
static void tell_status(int overdue, int status, bool stuck)
{
	say("%*sKTAP version 1", INDENT, "");
	if (overdue)
		say("%*snot ok 1 exit_status # no answer after %d s", INDENT, "", overdue);
	else if (stuck)
		say("%*snot ok 1 exit_status # what it left behind cannot be killed", INDENT, "");
	else if (WIFSIGNALED(status))
		say("%*snot ok 1 exit_status # killed by signal %d", INDENT, "", WTERMSIG(status));
	else if (WEXITSTATUS(status) == EXIT_SKIP)
		say("%*sok 1 exit_status # SKIP exit status %d", INDENT, "", EXIT_SKIP);
	else if (WEXITSTATUS(status))
		say("%*snot ok 1 exit_status # exit status %d", INDENT, "", WEXITSTATUS(status));
	else
		say("%*sok 1 exit_status", INDENT, "");
}

/* What was not passed on may have been a check that fails. */
static void tell_cut(const char *name)
{
	/* What it printed does not explain it. */
	say("%*s# Subtest: %s", INDENT, "", name);
	say("%*sKTAP version 1", INDENT, "");
	say("%*snot ok 1 beyond_limit # it printed more than %d KiB: the rest is not read", INDENT, "",
	    OUTPUT_BYTES >> 10);
}

static void run_probe(int number, const struct probe *probe)
{
	int fds[2], pidfd, overdue, status = 0;
	const char *name = probe->name;
	struct line line = { 0 };
	size_t passed = 0;
	bool stuck = false, crowded = false;
	pid_t pid;

	line_reset(&line);
	if (!probe->inside && access(probe->args[0], X_OK)) {
		say("%*s# Subtest: %s", INDENT, "", name);
		say("%*snot ok 1 exit_status # it was not built", INDENT, "");
		say("not ok %d %s # it was not built", number, name);
		return;
	}
	line.probe = name;
	line.foreign = probe->foreign;
	line.room = probe->inside ? OUTPUT_BYTES : SIZE_MAX;
	if (probe->foreign) {
		say("%*s# Subtest: %s", INDENT, "", name);
		mark("enter", name, "");
	}

	if (pipe2(fds, O_CLOEXEC))
		die("cannot make", "a pipe");
	/* So that it is heard among however many processes a command makes. */
	if (probe->inside) {
		setpriority(PRIO_PROCESS, 0, PRIO_MIN);
		bound_threads();
	}
	pid = fork();
	if (pid < 0)
		die("cannot fork for", name);
	if (!pid)
		exec_probe(probe, fds[1]);
	/* On both sides of the fork: whoever comes first, the group is there. */
	setpgid(pid, pid);
	close(fds[1]);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);

	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		die("cannot watch", name);

	overdue = follow(fds[0], pidfd, probe->seconds, &line);
	if (probe->inside)
		crowded = at_bound();
	/* Also what a probe that ended may have left behind. */
	kill(-pid, SIGKILL);
	reap(pid, pidfd, &status);
	if (probe->inside) {
		stuck = !kill_all(beat_once);
		unbound_threads();
		setpriority(PRIO_PROCESS, 0, 0);
	}

	while (passed < DRAIN_BYTES && pass_on(fds[0], &line, &passed))
		;
	if (line.len > INDENT)
		line_end(&line);
	close(fds[0]);
	close(pidfd);

	if (line.foreign) {
		bool ended = !overdue && !stuck && WIFEXITED(status);
		bool skip = ended && WEXITSTATUS(status) == EXIT_SKIP;
		bool pass = ended && !WEXITSTATUS(status);

		mark("leave", name, skip ? " skip" : pass ? " pass" : " fail");
		if (line.cut)
			tell_cut(name);
		if (crowded)
			say("%*s# as many processes as it may have: %s", INDENT, "", strerror(EAGAIN));
		tell_status(overdue, status, stuck);
	}
	if (overdue)
		say("not ok %d %s # no answer after %d s", number, name, overdue);
	else if (WIFSIGNALED(status))
		say("not ok %d %s # killed by signal %d", number, name, WTERMSIG(status));
	else if (WEXITSTATUS(status))
		say("not ok %d %s # exit status %d", number, name, WEXITSTATUS(status));
	else
		say("ok %d %s", number, name);
}

/* LIST, with a NUL behind it. */
static char *read_list(void)
{
	FILE *file = fopen(LIST, "re");
	char *text = NULL;
	size_t room = 0;

	if (!file)
		die("cannot open", LIST);
	errno = 0;
	if (getdelim(&text, &room, '\0', file) < 0) {
		if (ferror(file) || !room)
			die("cannot read", LIST);
		*text = '\0';
	}
	fclose(file);
	return text;
}

static bool begins(const char *line)
{
	return starts(line, "probe ") || starts(line, "program ") || starts(line, "command ");
}

static int count_probes(const char *text)
{
	int count = 0;

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		count += begins(text);
	}
	return count;
}

static _Noreturn void refuse(const char *line)
{
	errno = EINVAL;
	die("cannot follow " LIST ":", line);
}

static void add_word(char **words, char *word, const char *line)
{
	int count = 0;

	while (words[count])
		count++;
	if (count == WORDS)
		refuse(line);
	words[count] = word;
}

/* What a line says of a probe. */
static void read_line(struct probe *probe, char *line)
{
	char *value = strchr(line, ' ');

	if (!value)
		refuse(line);
	value++;
	if (begins(line)) {
		probe->name = value;
		probe->inside = starts(line, "command ");
		probe->foreign = probe->inside || starts(line, "program ");
	} else if (starts(line, "seconds ")) {
		probe->seconds = atoi(value);
	} else if (starts(line, "arg ")) {
		add_word(probe->args, value, line);
	} else if (starts(line, "env ")) {
		add_word(probe->env, value, line);
	} else {
		refuse(line);
	}
}

/* The probe whose lines stand here; where the next one's begin is returned. */
static char *read_probe(char *text, struct probe *probe)
{
	char *end;

	*probe = (struct probe) { .seconds = DEFAULT_SECONDS };
	do {
		end = strchr(text, '\n');
		if (!end)
			refuse(text);
		*end = '\0';
		read_line(probe, text);
		text = end + 1;
	} while (*text && !begins(text));

	if (!probe->name || !probe->args[0] || probe->seconds < 1 || probe->seconds > INT_MAX / 1000)
		refuse(probe->name ? probe->name : "a probe without a name");
	return text;
}

int main(int argc, char **argv)
{
	struct probe probe;
	int i, channel;
	char *text;

	if (argc > 1 && !strcmp(argv[0], MODPROBE) && getpid() != 1)
		load_module(argv);
	if (argc == 2 && !strcmp(argv[1], MOUNT_USERLAND) && getpid() != 1)
		return !show_userland();
	mount_all();
	show_userland();
	channel = channel_open();
	text = read_list();

	say("KTAP version 1");
	say("1..%d", count_probes(text));
	for (i = 1; *text; i++) {
		text = read_probe(text, &probe);
		run_probe(i, &probe);
	}
	say("# kseries: end");
	tcdrain(channel);

	if (channel >= 0)
		serve(channel);

	/* The host quits QEMU; an init that ends would be one more panic. */
	for (;;)
		pause();
}
