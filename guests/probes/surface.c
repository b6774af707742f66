// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel shows to user space, as sorted lists of names: the host compares
 * them from state to state. A check for each kind, which fails where the kind came
 * out empty and must not. It asks in ways that change nothing.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <asm/unistd.h>
#include <linux/openat2.h>
#include <linux/userfaultfd.h>

#include "guest.h"
#include "ktap.h"
#include "listing.h"
#include "syscalls.h"
#include "uapi_names.h"
#include "vm.h"

#define BITS_OF_INT	32
#define BITS_OF_LONG	64

/* Levels of directories that are looked into. */
#define MOST_LEVELS	8
#define SYS_KERNEL_LEVELS	4
#define OPEN_DIRECTORIES	16

/* What the headers call a number. */
static const struct {
	const char *name;
	long long value;
} uapi_names[] = {
#define UAPI_NAME(name)	{ #name, name },
	UAPI_NAMES
#undef UAPI_NAME
};

static const char cap_prefix[] = "KVM_CAP_";

static void uapi_listed(void)
{
	struct listing listing = { .kind = "uapi" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(uapi_names); i++)
		listing_add(&listing, "%s=%lld", uapi_names[i].name, uapi_names[i].value);
	listing_tell_some(&listing);
}

/* --- KVM ---------------------------------------------------------------------------------- */

static void need_kvm(void)
{
	if (access("/dev/kvm", F_OK))
		ktap_skip("no /dev/kvm: %s", strerror(errno));
}

static void kvm_caps_listed(void)
{
	struct listing of_kvm = { .kind = "kvm-cap" };
	struct listing of_vm = { .kind = "kvm-vm-cap" };
	struct listing values = { .kind = "kvm-cap-value" };
	struct vm vm;
	size_t i;

	need_kvm();
	vm_create(&vm, VM_TYPE_DEFAULT);
	for (i = 0; i < ARRAY_SIZE(uapi_names); i++) {
		const char *name = uapi_names[i].name;
		int by_kvm, by_vm;

		if (strncmp(name, cap_prefix, strlen(cap_prefix)))
			continue;
		/* Some answer with an error where the hardware has no such thing. */
		by_kvm = ioctl(vm.kvm, KVM_CHECK_EXTENSION, uapi_names[i].value);
		by_vm = ioctl(vm.fd, KVM_CHECK_EXTENSION, uapi_names[i].value);
		if (by_kvm > 0)
			listing_add(&of_kvm, "%s", name);
		if (by_vm > 0)
			listing_add(&of_vm, "%s", name);
		if (by_vm > 1 || by_kvm > 1)
			listing_add(&values, "%s=%d", name, by_vm > 1 ? by_vm : by_kvm);
	}
	listing_tell(&values);
	listing_tell(&of_vm);
	listing_tell_some(&of_kvm);
}

/* A slot that is new to the VM: one that is there already takes other flags. */
static struct slot new_slot(void)
{
	static uint32_t made;
	struct slot slot = vm_memory(GUEST_FIRST_SLOT + made, guest_free_gpa + made * vm_page_size(), 1);

	made++;
	return slot;
}

static int try_slot_flag(struct vm *vm, uint32_t flag)
{
	struct slot slot = new_slot();

	return vm_set_slot_v1(vm, &slot, flag);
}

static int try_slot2_flag(struct vm *vm, uint32_t flag)
{
	struct slot slot = new_slot();

	return vm_cap(vm->fd, CAP_USER_MEMORY2) ? vm_set_slot(vm, &slot, flag) : EINVAL;
}

static int try_guest_memfd_flag(struct vm *vm, uint32_t flag)
{
#ifdef HAS_GUEST_MEMFD
	struct kvm_create_guest_memfd file = { .size = vm_page_size(), .flags = flag };

	return ioctl(vm->fd, KVM_CREATE_GUEST_MEMFD, &file) < 0 ? errno : 0;
#else
	(void)vm;
	(void)flag;
	return EINVAL;
#endif
}

/* In one VM: on a slow host each takes a tenth of a second to go. */
static void kvm_flags_listed(void)
{
	static const struct {
		const char *name;
		int (*try)(struct vm *vm, uint32_t flag);
	} calls[] = {
		{ "KVM_SET_USER_MEMORY_REGION", try_slot_flag },
		{ "KVM_SET_USER_MEMORY_REGION2", try_slot2_flag },
		{ "KVM_CREATE_GUEST_MEMFD", try_guest_memfd_flag },
	};
	struct listing listing = { .kind = "kvm-flag" };
	struct vm vm;
	size_t i;
	int bit;

	need_kvm();
	vm_create(&vm, VM_TYPE_DEFAULT);
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		for (bit = 0; bit < BITS_OF_INT; bit++)
			if (!calls[i].try(&vm, UINT32_C(1) << bit))
				listing_add(&listing, "%s:bit-%d", calls[i].name, bit);
	listing_tell_some(&listing);
}

/* --- flags of system calls ---------------------------------------------------------------- */

static long try_eventfd(uint64_t flag)
{
	return syscall(__NR_eventfd2, 0, (unsigned int)flag);
}

static long try_timerfd(uint64_t flag)
{
	return syscall(__NR_timerfd_create, CLOCK_MONOTONIC, (unsigned int)flag);
}

static long try_memfd(uint64_t flag)
{
	return syscall(__NR_memfd_create, "surface", (unsigned int)flag);
}

static long try_epoll(uint64_t flag)
{
	return syscall(__NR_epoll_create1, (unsigned int)flag);
}

static long try_inotify(uint64_t flag)
{
	return syscall(__NR_inotify_init1, (unsigned int)flag);
}

static long try_signalfd(uint64_t flag)
{
	uint64_t none = 0;

	return syscall(__NR_signalfd4, -1, &none, sizeof(none), (unsigned int)flag);
}

static long try_pidfd(uint64_t flag)
{
	return syscall(__NR_pidfd_open, getpid(), (unsigned int)flag);
}

static long try_userfaultfd(uint64_t flag)
{
	return syscall(__NR_userfaultfd, (unsigned int)flag);
}

static long try_dup(uint64_t flag)
{
	return syscall(__NR_dup3, STDOUT_FILENO, STDOUT_FILENO + 100, (unsigned int)flag);
}

static long try_close_range(uint64_t flag)
{
	long ret = syscall(__NR_close_range, ~0U, ~0U, (unsigned int)flag);

	/* No descriptor. */
	return ret ? ret : -2;
}

static long try_open(uint64_t flag)
{
	struct open_how how = { .flags = flag };

	return syscall(__NR_openat2, AT_FDCWD, "/", &how, sizeof(how));
}

static long try_resolve(uint64_t flag)
{
	struct open_how how = { .flags = O_PATH, .resolve = flag };

	return syscall(__NR_openat2, AT_FDCWD, "/", &how, sizeof(how));
}

static long try_rename(uint64_t flag)
{
	return syscall(__NR_renameat2, AT_FDCWD, "/there-is-none", AT_FDCWD, "/nor-is-this", (unsigned int)flag);
}

static long try_unlink(uint64_t flag)
{
	return syscall(__NR_unlinkat, AT_FDCWD, "/there-is-none", (unsigned int)flag);
}

/* Which of 64 features are offered: one question is enough. */
static long try_userfault_feature(uint64_t flag)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	long offered;

	errno = EINVAL;
	if (fd < 0)
		return -1;
	offered = !ioctl(fd, UFFDIO_API, &api) && api.features & flag;
	close(fd);
	errno = EINVAL;
	return offered ? -2 : -1;
}

static void flags_listed(void)
{
	static const struct {
		const char *name;
		long (*try)(uint64_t flag);	/* a descriptor, or -2 for success without one */
		int bits;
	} calls[] = {
		{ "eventfd2", try_eventfd, BITS_OF_INT },
		{ "timerfd_create", try_timerfd, BITS_OF_INT },
		{ "memfd_create", try_memfd, BITS_OF_INT },
		{ "epoll_create1", try_epoll, BITS_OF_INT },
		{ "inotify_init1", try_inotify, BITS_OF_INT },
		{ "signalfd4", try_signalfd, BITS_OF_INT },
		{ "pidfd_open", try_pidfd, BITS_OF_INT },
		{ "userfaultfd", try_userfaultfd, BITS_OF_INT },
		{ "userfaultfd.features", try_userfault_feature, BITS_OF_LONG },
		{ "dup3", try_dup, BITS_OF_INT },
		{ "close_range", try_close_range, BITS_OF_INT },
		{ "openat2", try_open, BITS_OF_LONG },
		{ "openat2.resolve", try_resolve, BITS_OF_LONG },
		{ "renameat2", try_rename, BITS_OF_INT },
		{ "unlinkat", try_unlink, BITS_OF_INT },
	};
	struct listing listing = { .kind = "flag" };
	size_t i;
	int bit;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		for (bit = 0; bit < calls[i].bits; bit++) {
			long ret = calls[i].try(UINT64_C(1) << bit);

			if (ret >= 0)
				close(ret);
			/* Another error is of what is asked for: the flag itself is known. */
			if (ret != -1 || (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP))
				listing_add(&listing, "%s:bit-%d", calls[i].name, bit);
		}
	}
	listing_tell_some(&listing);
}

static void syscalls_listed(void)
{
	struct listing listing = { .kind = "syscall" };
	bool there[SYSCALL_NUMBERS];
	int number;

	syscalls_find(there);
	for (number = 0; number < SYSCALL_NUMBERS; number++)
		if (there[number])
			listing_add(&listing, "%d", number);
	listing_tell_some(&listing);
}

/* --- files -------------------------------------------------------------------------------- */

/* What a walk adds to; nftw() hands nothing on. */
static struct listing walked;
static size_t root_length;

/* Not being there is no failure: then there are no names. */
static void need(const char *root, const char *kind)
{
	struct listing none = { .kind = kind };

	if (!access(root, F_OK))
		return;
	listing_tell(&none);
	ktap_skip("no %s: %s", root, strerror(errno));
}

static int walk_once(const char *kind, const char *root, __nftw_func_t visit)
{
	walked = (struct listing){ .kind = kind };
	root_length = strlen(root) + 1;
	return nftw(root, visit, OPEN_DIRECTORIES, FTW_PHYS | FTW_MOUNT | FTW_ACTIONRETVAL);
}

/* Look into @root and what is below it on the same file system. */
static void walk(const char *kind, const char *root, __nftw_func_t visit)
{
	int ret;

	need(root, kind);
	ret = walk_once(kind, root, visit);
	/* A directory that goes after it was read of ends the walk. */
	if (ret && errno == ENOENT)
		ret = walk_once(kind, root, visit);
	if (ret)
		ktap_fail("cannot look into %s: %s", root, strerror(errno));
	listing_tell_some(&walked);
}

static bool is_directory(int type)
{
	return type == FTW_D || type == FTW_DNR;
}

static int visit_sysctl(const char *path, const struct stat *stat, int type, struct FTW *at)
{
	(void)stat;
	if (at->level && !is_directory(type))
		listing_add(&walked, "%s", path + root_length);
	return at->level > MOST_LEVELS ? FTW_SKIP_SUBTREE : FTW_CONTINUE;
}

static void sysctls_listed(void)
{
	walk("sysctl", "/proc/sys", visit_sysctl);
}

/* /sys/module/MODULE/parameters/PARAMETER */
static int visit_parameter(const char *path, const struct stat *stat, int type, struct FTW *at)
{
	const char *name = path + at->base;

	(void)stat;
	if (at->level == 2 && strcmp(name, "parameters"))
		return is_directory(type) ? FTW_SKIP_SUBTREE : FTW_CONTINUE;
	if (at->level == 3)
		listing_add(&walked, "%.*s/%s", (int)strcspn(path + root_length, "/"), path + root_length, name);
	return at->level > 3 ? FTW_SKIP_SUBTREE : FTW_CONTINUE;
}

static void parameters_listed(void)
{
	walk("module-parameter", "/sys/module", visit_parameter);
}

static int visit_sys_kernel(const char *path, const struct stat *stat, int type, struct FTW *at)
{
	/* No interface for programs, or with a name for each number that somebody has got. */
	static const char *const passed_over[] = { "debug", "tracing", "slab", "irq", "iommu_groups" };
	size_t i;

	(void)stat;
	if (at->level)
		listing_add(&walked, "%s", path + root_length);
	if (!is_directory(type))
		return FTW_CONTINUE;
	for (i = 0; i < ARRAY_SIZE(passed_over); i++)
		if (at->level == 1 && !strcmp(path + at->base, passed_over[i]))
			return FTW_SKIP_SUBTREE;
	return at->level >= SYS_KERNEL_LEVELS ? FTW_SKIP_SUBTREE : FTW_CONTINUE;
}

static void sys_kernel_listed(void)
{
	walk("sys-kernel", "/sys/kernel", visit_sys_kernel);
}

static int visit_device(const char *path, const struct stat *stat, int type, struct FTW *at)
{
	if (type != FTW_NS && (S_ISCHR(stat->st_mode) || S_ISBLK(stat->st_mode)))
		listing_add(&walked, "%s", path + root_length);
	return at->level > MOST_LEVELS ? FTW_SKIP_SUBTREE : FTW_CONTINUE;
}

static void devices_listed(void)
{
	walk("device", "/dev", visit_device);
}

/* Not by nftw(), which opens what it lists, while processes and threads end. Of those alone a name begins with a digit. */
static void proc_listed(void)
{
	struct listing listing = { .kind = "proc" };
	struct dirent *entry;
	DIR *proc;

	need("/proc", listing.kind);
	proc = opendir("/proc");
	if (!proc)
		ktap_fail("cannot look into /proc: %s", strerror(errno));
	while (errno = 0, (entry = readdir(proc))) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") && strcmp(name, "..") && (name[0] < '0' || name[0] > '9'))
			listing_add(&listing, "%s", name);
	}
	if (errno)
		ktap_fail("cannot read /proc: %s", strerror(errno));
	closedir(proc);
	listing_tell_some(&listing);
}

static void filesystems_listed(void)
{
	struct listing listing = { .kind = "filesystem" };
	char line[256], name[256];
	FILE *file = fopen("/proc/filesystems", "re");

	if (!file)
		ktap_fail("cannot open /proc/filesystems: %s", strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "nodev %255s", name) == 1 || sscanf(line, "%255s", name) == 1)
			listing_add(&listing, "%s", name);
	fclose(file);
	listing_tell_some(&listing);
}

static const struct check checks[] = {
	{ "uapi_listed", uapi_listed },
	{ "kvm_caps_listed", kvm_caps_listed },
	{ "kvm_flags_listed", kvm_flags_listed },
	{ "flags_listed", flags_listed },
	{ "sysctls_listed", sysctls_listed },
	{ "proc_listed", proc_listed },
	{ "filesystems_listed", filesystems_listed },
	{ "parameters_listed", parameters_listed },
	{ "sys_kernel_listed", sys_kernel_listed },
	{ "devices_listed", devices_listed },
	/* At the end: what else it may come upon, it comes upon here. */
	{ "syscalls_listed", syscalls_listed },
};

int main(void)
{
	return ktap_main("surface", checks, ARRAY_SIZE(checks), NULL);
}
