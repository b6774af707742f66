// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "channel.h"
#include "userland.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/*
 * A root file system of somebody's programs, in an archive of its own, too. It is
 * read-only; what is written goes into memory, at most a quarter of it, and is gone
 * with the guest.
 */
#define IMAGE		"/userland.squashfs"
#define USERLAND	"/userland"
#define BELOW		"/.userland"
#define ABOVE_SIZE	"size=25%"
/* The user's own files, which a command finds by the same name in its root. */
#define FILES		"/add"
/* kselftest as it is installed (harness/kseries/kbuild/installed.py); tests write beside themselves. */
#define SELFTESTS	"/selftests"

/* The kernel's modules, where modprobe looks for them; /lib of a userland may be a link. */
#define MODULES		"/lib/modules"

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

_Noreturn void load_module(char *const *argv)
{
	if (!chroot(USERLAND) && !chdir("/"))
		execv(MODPROBE, argv);
	_exit(127);
}

bool show_userland(void)
{
	bool mounted = mount_userland();

	show(FILES, USERLAND FILES);
	show_modules();
	return mounted;
}

/*
 * As switch_root(8) does it. A chroot alone would not do: who is in one may not make
 * a user namespace (create_user_ns() in kernel/user_namespace.c).
 */
static bool make_root(const char *path)
{
	return !chdir(path) && !mount(".", "/", NULL, MS_MOVE, NULL) && !chroot(".") && !chdir("/");
}

void enter_userland(void)
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
