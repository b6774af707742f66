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
#include <linux/loop.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "clock.h"
#include "processes.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* In an archive of its own behind the image's: it differs from boot to boot. */
#define LIST		"/probes.list"

/*
 * A root file system of somebody's programs, in an archive of its own, too. It is
 * read-only; what is written goes into memory, at most a quarter of it, and is gone
 * with the guest.
 */
#define IMAGE		"/userland.squashfs"
#define USERLAND	"/userland"
#define BELOW		"/.userland"
#define ABOVE_SIZE	"size=25%"
/* What "init" is told, by a shell that wants it mounted: the kernel tells it no such word. */
#define MOUNT_USERLAND	"--mount-userland"
/* The user's own files, which a command finds by the same name in its root. */
#define FILES		"/add"
/* kselftest as it is installed (harness/kseries/kbuild/installed.py); tests write beside themselves. */
#define SELFTESTS	"/selftests"

/* The kernel's modules, where modprobe looks for them; /lib of a userland may be a link. */
#define MODULES		"/lib/modules"
/* What a kernel runs that wants a module (CONFIG_MODPROBE_PATH); where there are any, a link to init. */
#define MODPROBE	"/sbin/modprobe"

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

static int channel = STDOUT_FILENO;

static void complain(const char *what, const char *where)
{
	dprintf(STDERR_FILENO, "kseries: init: %s %s: %s\n", what, where,
		strerror(errno));
}

/* No PID 1, no kernel: the panic that follows tells the host at once. */
static _Noreturn void die(const char *what, const char *where)
{
	complain(what, where);
	exit(1);
}

static void send(const char *text, size_t len)
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

static __attribute__((format(printf, 1, 2))) void say(const char *fmt, ...)
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
	send(text, len);
}

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
	return !line->foreign || !starts(text + strspn(text, " "), "# plan: ");
}

static void line_end(struct line *line)
{
	line->text[line->len] = '\0';
	if (!line_stands(line))
		line_quote(line);
	line->text[line->len++] = '\n';
	line->cut = line->cut || line->len > line->room;
	if (!line->cut) {
		send(line->text, line->len);
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

/* IMAGE as a block device; its path is put into path. */
static bool attach_image(char *path, size_t size)
{
	struct loop_config config = { .info.lo_flags = LO_FLAGS_READ_ONLY };
	int control, number, loop = -1, image;
	bool done;

	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	if (control >= 0)
		close(control);
	if (number < 0)
		return false;
	snprintf(path, size, "/dev/loop%d", number);

	image = open(IMAGE, O_RDONLY | O_CLOEXEC);
	loop = image < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	config.fd = image;
	/* The loop device keeps the image open by itself. */
	done = loop >= 0 && !ioctl(loop, LOOP_CONFIGURE, &config);
	if (loop >= 0)
		close(loop);
	if (image >= 0)
		close(image);
	return done;
}

/* The image, and above it what is written; where that is not to be had, what failed. */
static const char *mount_layers(void)
{
	char device[32];

	mkdir(BELOW, 0700);
	mkdir(BELOW "/image", 0755);
	mkdir(BELOW "/above", 0755);
	if (!attach_image(device, sizeof(device)))
		return "a loop device";
	if (mount(device, BELOW "/image", "squashfs", MS_RDONLY, NULL))
		return BELOW "/image";
	if (mount("tmpfs", BELOW "/above", "tmpfs", 0, ABOVE_SIZE))
		return BELOW "/above";
	mkdir(BELOW "/above/upper", 0755);
	mkdir(BELOW "/above/work", 0755);
	if (mount("overlay", USERLAND, "overlay", 0,
		  "lowerdir=" BELOW "/image,upperdir=" BELOW "/above/upper,workdir=" BELOW "/above/work"))
		return USERLAND;
	return NULL;
}

/*
 * What udev(7) would put into /dev: a shell's >/dev/stderr and <(command) are these
 * files. Only a command that uses them misses them.
 */
static void link_streams(void)
{
	static const struct {
		const char *to, *path;
	} links[] = {
		{ "/proc/self/fd", USERLAND "/dev/fd" },
		{ "fd/0", USERLAND "/dev/stdin" },
		{ "fd/1", USERLAND "/dev/stdout" },
		{ "fd/2", USERLAND "/dev/stderr" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(links); i++)
		if (symlink(links[i].to, links[i].path) && errno != EEXIST)
			complain("cannot link", links[i].path);
}

/* What programs expect to find there, and our own; else what failed. */
static const char *mount_inside(void)
{
	static const struct {
		const char *type, *path, *options;
	} mounts[] = {
		{ "devtmpfs", USERLAND "/dev", NULL },
		{ "devpts", USERLAND "/dev/pts", "ptmxmode=666" },
		{ "tmpfs", USERLAND "/dev/shm", ABOVE_SIZE },
		{ "proc", USERLAND "/proc", NULL },
		{ "sysfs", USERLAND "/sys", NULL },
		{ "tmpfs", USERLAND "/tmp", ABOVE_SIZE },
		{ "tmpfs", USERLAND "/run", ABOVE_SIZE },
	};
	static const char *const bound[] = { "/probes", "/programs", SELFTESTS };
	char path[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mounts); i++) {
		mkdir(mounts[i].path, 0755);
		if (mount(mounts[i].type, mounts[i].path, mounts[i].type, 0, mounts[i].options))
			return mounts[i].path;
	}
	link_streams();
	for (i = 0; i < ARRAY_SIZE(bound); i++) {
		if (access(bound[i], F_OK))
			continue;
		snprintf(path, sizeof(path), USERLAND "%s", bound[i]);
		mkdir(path, 0755);
		if (mount(bound[i], path, NULL, MS_BIND, NULL))
			return bound[i];
	}
	return NULL;
}

/*
 * Where a distribution mounts it, and tests of the kernel look for it. What a kernel
 * does not have is not there, as it would not be for a person.
 */
static void mount_wanted(void)
{
	static const struct {
		const char *type, *path;
	} mounts[] = {
		{ "cgroup2", USERLAND "/sys/fs/cgroup" },
		{ "bpf", USERLAND "/sys/fs/bpf" },
		{ "debugfs", USERLAND "/sys/kernel/debug" },
		{ "tracefs", USERLAND "/sys/kernel/tracing" },
		{ "configfs", USERLAND "/sys/kernel/config" },
		{ "securityfs", USERLAND "/sys/kernel/security" },
		{ "mqueue", USERLAND "/dev/mqueue" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mounts); i++) {
		mkdir(mounts[i].path, 0755);
		mount(mounts[i].type, mounts[i].path, mounts[i].type, 0, NULL);
	}
}

/*
 * The userland, all of it or none: USERLAND is there where programs can run in it.
 * A kernel that cannot mount it is told of on the console; what was to run in it does
 * not run. True where there is nothing to mount, too.
 */
static bool mount_userland(void)
{
	const char *failed;

	if (access(IMAGE, F_OK))
		return true;
	mkdir(USERLAND, 0755);
	failed = mount_layers();
	if (!failed)
		failed = mount_inside();
	if (!failed) {
		mount_wanted();
		return true;
	}
	complain("cannot mount the userland:", failed);
	umount2(USERLAND, MNT_DETACH);
	rmdir(USERLAND);
	return false;
}

/* What is beside a userland, if it is there, where commands find it and cannot change it. */
static void show(const char *what, const char *place)
{
	if (access(what, F_OK) || access(USERLAND, F_OK))
		return;
	mkdir(place, 0755);
	if (mount(what, place, NULL, MS_BIND, NULL) ||
	    mount(NULL, place, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL))
		complain("cannot mount", place);
}

/* A link of the userland would lead out of it: who mounts has another root. */
static void show_modules(void)
{
	struct stat lib;

	if (!lstat(USERLAND "/lib", &lib) && S_ISLNK(lib.st_mode))
		show(MODULES, USERLAND "/usr" MODULES);
	else
		show(MODULES, USERLAND MODULES);
}

/* The kernel has no other root than ours, and modprobe is in the userland. */
static _Noreturn void load_module(char *const *argv)
{
	if (!chroot(USERLAND) && !chdir("/"))
		execv(MODPROBE, argv);
	_exit(127);
}

/* False where there is one, and it cannot be mounted. */
static bool show_userland(void)
{
	bool mounted = mount_userland();

	show(FILES, USERLAND FILES);
	show_modules();
	return mounted;
}

static void open_channel(void)
{
	const char *name = getenv("KTAP");
	struct termios tio;
	char path[64];

	/* A person who boots this by hand reads it on the console. */
	if (!name || !*name)
		return;

	snprintf(path, sizeof(path), "/dev/%s", name);
	/* Not blocking: an open must not wait for a carrier. */
	channel = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (channel < 0)
		die("cannot open", path);
	fcntl(channel, F_SETFL, fcntl(channel, F_GETFL) & ~O_NONBLOCK);

	if (tcgetattr(channel, &tio)) {
		complain("no terminal:", path);
		return;
	}
	cfmakeraw(&tio);
	tio.c_cflag |= CLOCAL;
	cfsetspeed(&tio, B115200);
	if (tcsetattr(channel, TCSANOW, &tio))
		die("cannot make raw", path);
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

/*
 * As switch_root(8) does it. A chroot alone would not do: who is in one may not make
 * a user namespace (create_user_ns() in kernel/user_namespace.c).
 */
static bool make_root(const char *path)
{
	return !chdir(path) && !mount(".", "/", NULL, MS_MOVE, NULL) && !chroot(".") && !chdir("/");
}

/*
 * The userland as one command has it: what it mounts, and what it writes to /tmp and
 * /run, goes with it, however much that is.
 */
static void enter_userland(void)
{
	static const char *const own[] = { USERLAND "/tmp", USERLAND "/run" };
	size_t i;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		printf("# no mounts of its own: %s\n", strerror(errno));
	for (i = 0; i < ARRAY_SIZE(own); i++)
		if (!access(own[i], F_OK) &&
		    mount("tmpfs", own[i], "tmpfs", MS_NOSUID | MS_NODEV, i ? "mode=755" : "mode=1777"))
			printf("# cannot mount %s: %s\n", own[i], strerror(errno));
	if (!make_root(USERLAND)) {
		printf("# there is no userland: %s: %s\n", USERLAND, strerror(errno));
		fflush(stdout);
		_exit(127);
	}
	/* Where there are none of the user's files, it begins at the root. */
	if (chdir(FILES) && errno != ENOENT)
		printf("# cannot enter %s: %s\n", FILES, strerror(errno));
	umask(022);
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
	char *text;
	int i;

	if (argc > 1 && !strcmp(argv[0], MODPROBE) && getpid() != 1)
		load_module(argv);
	if (argc == 2 && !strcmp(argv[1], MOUNT_USERLAND) && getpid() != 1)
		return !show_userland();
	mount_all();
	show_userland();
	open_channel();
	text = read_list();

	say("KTAP version 1");
	say("1..%d", count_probes(text));
	for (i = 1; *text; i++) {
		text = read_probe(text, &probe);
		run_probe(i, &probe);
	}
	say("# kseries: end");
	tcdrain(channel);

	/* The host quits QEMU; an init that ends would be one more panic. */
	for (;;)
		pause();
}
