// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "channel.h"

static int channel = STDOUT_FILENO;

void complain(const char *what, const char *where)
{
	dprintf(STDERR_FILENO, "kseries: init: %s %s: %s\n", what, where,
		strerror(errno));
}

_Noreturn void die(const char *what, const char *where)
{
	complain(what, where);
	exit(1);
}

void channel_write(const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(channel, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die("cannot write to", "the KTAP channel");
		text += n;
		len -= n;
	}
}

void say(const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	if ((size_t)len > sizeof(text) - 2)
		len = sizeof(text) - 2;
	text[len++] = '\n';
	channel_write(text, len);
}

int channel_open(void)
{
	const char *name = getenv("KTAP");
	struct termios tio;
	char path[64];

	/* A person who boots this by hand reads it on the console. */
	if (!name || !*name)
		return -1;

	snprintf(path, sizeof(path), "/dev/%s", name);
	/* Not blocking: an open must not wait for a carrier. */
	channel = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (channel < 0)
		die("cannot open", path);
	fcntl(channel, F_SETFL, fcntl(channel, F_GETFL) & ~O_NONBLOCK);

	if (tcgetattr(channel, &tio)) {
		complain("no terminal:", path);
		return channel;
	}
	cfmakeraw(&tio);
	tio.c_cflag |= CLOCAL;
	cfsetspeed(&tio, B115200);
	if (tcsetattr(channel, TCSANOW, &tio))
		die("cannot make raw", path);
	return channel;
}
