// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "serve.h"
#include "userland.h"

/* Programs that run at the same time, and words of each. */
#define MOST		16
#define WORDS		255

/* Of a line that the host writes (harness/kseries/hosttest/inside.py). */
#define ASKED_BYTES	(64 << 10)

/* Of output that one line tells, quoted three times as many. */
#define TOLD_BYTES	1024

/* How often a program that ended is looked for whose output somebody else holds open. */
#define REAP_MS		100

struct program {
	/* 0: none. */
	pid_t pid;
	long id;
	/* -1 once it is closed. */
	int in, out;
};

static struct program programs[MOST];

static struct program *find(long id)
{
	int i;

	for (i = 0; i < MOST; i++)
		if (programs[i].pid && programs[i].id == id)
			return &programs[i];
	return NULL;
}

static struct program *find_free(void)
{
	int i;

	for (i = 0; i < MOST; i++)
		if (!programs[i].pid)
			return &programs[i];
	return NULL;
}

static void refuse(long id, const char *why)
{
	say("refused %ld %s", id, why);
}

/* --- what is asked ----------------------------------------------------------------- */

/* In place; how many bytes it comes to. */
static size_t unquote(char *word)
{
	char *from = word, *to = word, hex[3] = "";

	while (*from) {
		if (*from == '%' && isxdigit(from[1]) && isxdigit(from[2])) {
			memcpy(hex, from + 1, 2);
			*to++ = strtol(hex, NULL, 16);
			from += 3;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
	return to - word;
}

static _Noreturn void exec_program(char **words, bool inside, int in, int out)
{
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	if (inside)
		enter_userland();
	/* The log is about the test that drives it, which says how long that may take (guests/lib/ktap.c). */
	setenv("KTAP_DRIVEN", "1", 1);
	execv(words[0], words);
	printf("cannot run %s: %s\n", words[0], strerror(errno));
	fflush(stdout);
	_exit(127);
}

static void start(long id, char **words, bool inside)
{
	struct program *program = find_free();
	int in[2], out[2];
	pid_t pid;

	if (find(id))
		return refuse(id, "another one is called so");
	if (!program)
		return refuse(id, "too many run");
	if (!words[0])
		return refuse(id, "no program");
	if (pipe2(in, O_CLOEXEC))
		return refuse(id, strerror(errno));
	if (pipe2(out, O_CLOEXEC)) {
		close(in[0]);
		close(in[1]);
		return refuse(id, strerror(errno));
	}
	pid = fork();
	if (!pid)
		exec_program(words, inside, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	if (pid < 0) {
		close(in[1]);
		close(out[0]);
		return refuse(id, strerror(errno));
	}
	/* On both sides of the fork: whoever comes first, the group is there. */
	setpgid(pid, pid);
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	*program = (struct program) { .pid = pid, .id = id, .in = in[1], .out = out[0] };
}

static void close_input(struct program *program)
{
	if (program->in >= 0)
		close(program->in);
	program->in = -1;
}

/* A pipe takes 64 KiB of who does not read; what is beyond that is not for waiting here. */
static void feed(struct program *program, const char *text, size_t len)
{
	if (program->in >= 0 && write(program->in, text, len) != (ssize_t)len)
		close_input(program);
}

/*
 * As lib/ktap.c does: whatever the kernel says from here on is about this. In one
 * write: a line of /dev/kmsg is what one of them says, and dprintf(3) cannot seek in it.
 */
static void mark(long id, char *text)
{
	char line[1024];
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	int len;

	unquote(text);
	len = snprintf(line, sizeof(line), "<6>kseries: %s\n", text);
	if (fd < 0 || len >= (int)sizeof(line) || write(fd, line, len) != len)
		refuse(id, "it cannot be written to the log");
	else
		say("ended %ld 0", id);
	if (fd >= 0)
		close(fd);
}

static void ask(char *line)
{
	char *words[WORDS + 3], *rest = line, *word;
	struct program *program;
	int count = 0;
	long id;

	while (count < WORDS + 2 && (word = strsep(&rest, " ")))
		words[count++] = word;
	words[count] = NULL;
	if (count < 2)
		return;
	id = strtol(words[1], NULL, 10);
	if (rest)
		return refuse(id, "too many words");

	if (!strcmp(words[0], "start") || !strcmp(words[0], "inside")) {
		for (count = 2; words[count]; count++)
			unquote(words[count]);
		start(id, words + 2, words[0][0] == 'i');
		return;
	}
	if (!strcmp(words[0], "mark") && count == 3)
		return mark(id, words[2]);
	program = find(id);
	if (!program)
		return;
	if (!strcmp(words[0], "input") && count == 3)
		feed(program, words[2], unquote(words[2]));
	else if (!strcmp(words[0], "close"))
		close_input(program);
	else if (!strcmp(words[0], "kill"))
		kill(-program->pid, SIGKILL);
}

/* What stands on the channel now. */
static void hear(int channel)
{
	static char line[ASKED_BYTES];
	static size_t len;
	char buf[4096];
	ssize_t n = read(channel, buf, sizeof(buf));
	ssize_t i;

	if (!n || (n < 0 && errno != EINTR))
		die("cannot read", "the channel");
	for (i = 0; i < n; i++) {
		if (buf[i] != '\n') {
			/* Too long a one is cut, so that what it asks for is not done by halves. */
			if (len < sizeof(line) - 1)
				line[len++] = buf[i];
			continue;
		}
		line[len] = '\0';
		if (len < sizeof(line) - 1)
			ask(line);
		len = 0;
	}
}

/* --- what is told ------------------------------------------------------------------ */

static void tell_output(long id, const unsigned char *bytes, size_t n)
{
	static const char digits[] = "0123456789ABCDEF";
	char text[TOLD_BYTES * 3 + 32];
	size_t len = sprintf(text, "output %ld ", id);
	size_t i;

	for (i = 0; i < n; i++) {
		if (isgraph(bytes[i]) && bytes[i] < 0x7f && bytes[i] != '%') {
			text[len++] = bytes[i];
			continue;
		}
		text[len++] = '%';
		text[len++] = digits[bytes[i] >> 4];
		text[len++] = digits[bytes[i] & 15];
	}
	text[len++] = '\n';
	channel_write(text, len);
}

/* False where there is no more now. */
static bool pass_on(struct program *program)
{
	unsigned char buf[TOLD_BYTES];
	ssize_t n = program->out < 0 ? 0 : read(program->out, buf, sizeof(buf));

	if (n > 0) {
		tell_output(program->id, buf, n);
		return true;
	}
	if (program->out >= 0 && (!n || (errno != EAGAIN && errno != EINTR))) {
		close(program->out);
		program->out = -1;
	}
	return false;
}

/* Tell of one that has ended, after all that it has printed. */
static void reap(struct program *program)
{
	int status, passed;

	if (waitpid(program->pid, &status, WNOHANG) != program->pid)
		return;
	/* What it left behind may print for ever. */
	kill(-program->pid, SIGKILL);
	for (passed = 0; passed < (1 << 20) && pass_on(program); passed += TOLD_BYTES)
		;
	close_input(program);
	if (program->out >= 0)
		close(program->out);
	say("ended %ld %d", program->id, WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
	program->pid = 0;
}

/* Orphans come to init, too. */
static void reap_all(void)
{
	siginfo_t found;
	int i;

	for (i = 0; i < MOST; i++)
		if (programs[i].pid)
			reap(&programs[i]);
	for (;;) {
		found.si_pid = 0;
		if (waitid(P_ALL, 0, &found, WEXITED | WNOHANG | WNOWAIT) || !found.si_pid)
			return;
		for (i = 0; i < MOST && programs[i].pid != found.si_pid; i++)
			;
		if (i < MOST)
			return;
		waitpid(found.si_pid, NULL, WNOHANG);
	}
}

_Noreturn void serve(int channel)
{
	struct pollfd fds[MOST + 1] = { { .fd = channel, .events = POLLIN } };
	int i;

	/* One that reads no more of its input ends no init. */
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		bool any = false;

		for (i = 0; i < MOST; i++) {
			fds[i + 1] = (struct pollfd) { .fd = programs[i].pid ? programs[i].out : -1, .events = POLLIN };
			any = any || programs[i].pid;
		}
		if (poll(fds, MOST + 1, any ? REAP_MS : -1) < 0 && errno != EINTR)
			die("cannot poll", "the channel");
		if (fds[0].revents)
			hear(channel);
		for (i = 0; i < MOST; i++)
			if (programs[i].pid && fds[i + 1].revents)
				pass_on(&programs[i]);
		reap_all();
	}
}
