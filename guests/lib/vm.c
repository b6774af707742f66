// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "ktap.h"
#include "vm.h"

/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_SWAPPED	(1ULL << 62)
#define PAGEMAP_PRESENT	(1ULL << 63)
#define PAGEMAP_PFN	((1ULL << 55) - 1)

/* In the bytes of a memory_fault that KVM_RUN has not written: valid for no field of it. */
#define LEFT_ALONE	0x5a

/*
 * A machine that stood still for a second has its alarm before the guest has had
 * a chance. That happens to it once; one that blocks sleeps through the next, too.
 */
#define ALARMS		2

size_t vm_page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

int vm_open_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	/* The machine is why, not its kernel: --accel kvm on a host that does not nest. */
	if (fd < 0 && errno == ENOENT && vm_cpu_lacks())
		ktap_skip("there is no /dev/kvm: this CPU has %s", vm_cpu_lacks());
	if (fd < 0)
		ktap_fail("cannot open /dev/kvm: %s", strerror(errno));
	return fd;
}

int vm_cap(int fd, int cap)
{
	int value;

	if (cap == CAP_ABSENT)
		return 0;
	value = ioctl(fd, KVM_CHECK_EXTENSION, cap);
	if (value < 0)
		ktap_fail("KVM_CHECK_EXTENSION of %d: %s", cap, strerror(errno));
	return value;
}

void vm_need_cap(int fd, int cap, const char *name)
{
	if (cap == CAP_ABSENT)
		ktap_skip("the headers of this kernel do not define %s", name);
	if (!vm_cap(fd, cap))
		ktap_skip("%s is not advertised", name);
}

void vm_create(struct vm *vm, unsigned long type)
{
	memset(vm, 0, sizeof(*vm));
	vm->vcpu = -1;
	vm->kvm = vm_open_kvm();
	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, type);
	if (vm->fd < 0)
		ktap_fail("KVM_CREATE_VM of type %lu: %s", type, strerror(errno));
}

static void open_vcpu(struct vm *vm, int id)
{
	int size;

	vm->vcpu = ioctl(vm->fd, KVM_CREATE_VCPU, id);
	if (vm->vcpu < 0)
		ktap_fail("KVM_CREATE_VCPU of %d: %s", id, strerror(errno));

	size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(*vm->run))
		ktap_fail("KVM_GET_VCPU_MMAP_SIZE: %d", size);
	vm->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	if (vm->run == MAP_FAILED)
		ktap_fail("cannot map the vCPU: %s", strerror(errno));
}

void vm_add_vcpu(struct vm *vm)
{
	open_vcpu(vm, 0);
}

struct vm vm_another_vcpu(const struct vm *vm, int id)
{
	struct vm other = *vm;

	open_vcpu(&other, id);
	return other;
}

struct slot vm_memory(uint32_t id, uint64_t gpa, size_t pages)
{
	struct slot slot = {
		.id = id,
		.gpa = gpa,
		.size = pages * vm_page_size(),
	};

	slot.hva = mmap(NULL, slot.size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (slot.hva == MAP_FAILED)
		ktap_fail("cannot map %zu bytes: %s", slot.size, strerror(errno));
	/* A huge page would bring neighbours in. EINVAL: there are none. */
	if (madvise(slot.hva, slot.size, MADV_NOHUGEPAGE) && errno != EINVAL)
		ktap_fail("MADV_NOHUGEPAGE: %s", strerror(errno));
	return slot;
}

struct slot vm_memory_at(uint32_t id, uint64_t gpa, void *hva, size_t size)
{
	struct slot slot = { .id = id, .gpa = gpa, .size = size, .hva = hva };

	return slot;
}

int vm_set_slot_v1(struct vm *vm, const struct slot *slot, uint32_t flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot->id,
		.flags = flags,
		.guest_phys_addr = slot->gpa,
		.memory_size = slot->size,
		.userspace_addr = (uintptr_t)slot->hva,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) ? errno : 0;
}

/* A flag may be known to the newer ioctl alone, so that is what counts. */
int vm_set_slot(struct vm *vm, const struct slot *slot, uint32_t flags)
{
#ifdef HAS_MEMORY_REGION2
	struct kvm_userspace_memory_region2 region = {
		.slot = slot->id,
		.flags = flags,
		.guest_phys_addr = slot->gpa,
		.memory_size = slot->size,
		.userspace_addr = (uintptr_t)slot->hva,
	};

	if (vm_cap(vm->fd, CAP_USER_MEMORY2))
		return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &region) ? errno : 0;
#endif
	return vm_set_slot_v1(vm, slot, flags);
}

bool vm_guest_memfd_is_whole(const struct vm *vm)
{
	return GUEST_MEMFD_WHOLE && (vm_cap(vm->fd, CAP_GUEST_MEMFD_FLAGS) & GUEST_MEMFD_WHOLE) == GUEST_MEMFD_WHOLE;
}

#ifdef HAS_GUEST_MEMFD
int vm_set_slot_guest_memfd(struct vm *vm, const struct slot *slot, uint32_t flags)
{
	struct kvm_create_guest_memfd file = {
		.size = slot->size,
		.flags = vm_guest_memfd_is_whole(vm) ? GUEST_MEMFD_WHOLE : 0,
	};
	struct kvm_userspace_memory_region2 region = {
		.slot = slot->id,
		.flags = flags | KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = slot->gpa,
		.memory_size = slot->size,
		.userspace_addr = (uintptr_t)slot->hva,
	};
	int fd = ioctl(vm->fd, KVM_CREATE_GUEST_MEMFD, &file);

	if (fd < 0)
		ktap_skip("no guest_memfd: %s", strerror(errno));
	if (file.flags && mmap(slot->hva, slot->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		ktap_fail("cannot map a guest_memfd: %s", strerror(errno));
	region.guest_memfd = fd;
	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &region) ? errno : 0;
}
#else
int vm_set_slot_guest_memfd(struct vm *vm, const struct slot *slot, uint32_t flags)
{
	(void)vm;
	(void)slot;
	(void)flags;
	ktap_skip("the headers of this kernel do not define KVM_CREATE_GUEST_MEMFD");
}
#endif

void *vm_hva(const struct slot *slot, uint64_t gpa)
{
	if (gpa < slot->gpa || gpa - slot->gpa >= slot->size)
		ktap_fail("guest address %#llx is not in slot %u",
			  (unsigned long long)gpa, slot->id);
	return slot->hva + (gpa - slot->gpa);
}

int vm_populate(const struct slot *slot, uint64_t gpa, uint64_t size)
{
	return madvise(vm_hva(slot, gpa), size, MADV_POPULATE_WRITE) ? errno : 0;
}

static void read_pagemap(const void *hva, size_t pages, uint64_t *entries)
{
	off_t where = (uintptr_t)hva / vm_page_size() * sizeof(*entries);
	ssize_t size = pages * sizeof(*entries);
	int fd;

	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		ktap_skip("cannot open /proc/self/pagemap: %s", strerror(errno));
	if (pread(fd, entries, size, where) != size)
		ktap_fail("cannot read /proc/self/pagemap: %s", strerror(errno));
	close(fd);
}

bool vm_is_mapped(const void *hva)
{
	uint64_t entry;

	read_pagemap(hva, 1, &entry);
	return entry & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED);
}

void vm_see_mappings(const struct slot *slot, struct vm_mappings *mappings)
{
	mappings->pages = slot->size / vm_page_size();
	if (mappings->pages > VM_SEEN_PAGES)
		mappings->pages = VM_SEEN_PAGES;
	read_pagemap(slot->hva, mappings->pages, mappings->entries);
}

/* That the kernel takes a page away, to reclaim it, is legal at any time. */
void vm_expect_no_mapping_since(const struct slot *slot, const struct vm_mappings *before, const char *who)
{
	struct vm_mappings after;
	size_t i;

	vm_see_mappings(slot, &after);
	for (i = 0; i < before->pages; i++) {
		uint64_t was = before->entries[i], is = after.entries[i];

		if (!(is & PAGEMAP_PRESENT) || was & PAGEMAP_SWAPPED)
			continue;
		if (!(was & PAGEMAP_PRESENT))
			ktap_fail("expected %s to map nothing, but page %zu of the slot, which was missing, is mapped", who, i);
		if ((was ^ is) & PAGEMAP_PFN)
			ktap_fail("expected %s to map nothing, but page %zu of the slot is another one now", who, i);
	}
}

int vm_set_private(struct vm *vm, uint64_t gpa, uint64_t size, bool private)
{
#ifdef HAS_MEMORY_ATTRIBUTES
	struct kvm_memory_attributes attributes = {
		.address = gpa,
		.size = size,
		.attributes = private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};

	return ioctl(vm->fd, KVM_SET_MEMORY_ATTRIBUTES, &attributes) ? errno : 0;
#else
	(void)vm;
	(void)gpa;
	(void)size;
	(void)private;
	return ENOTTY;
#endif
}

int vm_pre_fault(struct vm *vm, uint64_t gpa, uint64_t size)
{
#ifdef HAS_PRE_FAULT_MEMORY
	struct kvm_pre_fault_memory range = { .gpa = gpa, .size = size };

	vm_need_cap(vm->fd, CAP_PRE_FAULT_MEMORY, "KVM_CAP_PRE_FAULT_MEMORY");
	return ioctl(vm->vcpu, KVM_PRE_FAULT_MEMORY, &range) ? errno : 0;
#else
	(void)vm;
	(void)gpa;
	(void)size;
	ktap_skip("the headers of this kernel do not define KVM_PRE_FAULT_MEMORY");
#endif
}

static bool reason_counts(int error)
{
	return error == 0 || error == EFAULT || error == EHWPOISON;
}

/*
 * What an earlier exit left must not be taken for what the next one says, nor
 * be what KVM adds to. Only a memory fault is wiped: after MMIO, some
 * architectures look at exit_reason to learn that there is something to finish.
 */
static void forget_fault(struct kvm_run *run)
{
#ifdef HAS_MEMORY_FAULT
	if (run->exit_reason == KVM_EXIT_MEMORY_FAULT || run->exit_reason == KVM_EXIT_UNKNOWN) {
		run->exit_reason = KVM_EXIT_UNKNOWN;
		memset(&run->memory_fault, LEFT_ALONE, sizeof(run->memory_fault));
	}
#else
	(void)run;
#endif
}

static void take_fault(const struct kvm_run *run, struct vm_exit *exit)
{
#ifdef HAS_MEMORY_FAULT
	/* With 0 in hand, KVM_RUN has not failed, and memory_fault is not valid. */
	if (!exit->error || exit->reason != KVM_EXIT_MEMORY_FAULT)
		return;
	exit->has_fault = true;
	exit->flags = run->memory_fault.flags;
	exit->gpa = run->memory_fault.gpa;
	exit->size = run->memory_fault.size;
#else
	(void)run;
	(void)exit;
#endif
}

struct vm_exit vm_run_once(struct vm *vm)
{
	struct vm_exit exit = { 0 };

	forget_fault(vm->run);
	exit.error = ioctl(vm->vcpu, KVM_RUN, 0) ? errno : 0;
	exit.reason = vm->run->exit_reason;
	if (reason_counts(exit.error))
		take_fault(vm->run, &exit);
	return exit;
}

struct vm_exit vm_run(struct vm *vm)
{
	struct vm_exit exit;

	do
		exit = vm_run_once(vm);
	while (exit.error == EINTR);
	return exit;
}

static void wake_up(int signal)
{
	(void)signal;
}

struct vm_exit vm_run_briefly(struct vm *vm)
{
	/* Again and again: the first may come before KVM_RUN does. */
	const struct itimerval second = { { 1, 0 }, { 1, 0 } }, never = { { 0, 0 }, { 0, 0 } };
	const struct sigaction action = { .sa_handler = wake_up };
	struct vm_exit exit;
	int alarms = 0;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &second, NULL);
	do
		exit = vm_run_once(vm);
	while (exit.error == EINTR && ++alarms < ALARMS);
	setitimer(ITIMER_REAL, &never, NULL);
	return exit;
}

void vm_finish_io(struct vm *vm)
{
	vm->run->immediate_exit = 1;
	if (!ioctl(vm->vcpu, KVM_RUN, 0) || errno != EINTR)
		ktap_fail("KVM_RUN with immediate_exit: expected EINTR, got %s with exit_reason %u",
			  strerror(errno), vm->run->exit_reason);
	vm->run->immediate_exit = 0;
}

static const char *reason_name(uint32_t reason)
{
	switch (reason) {
	case KVM_EXIT_UNKNOWN:
		return "KVM_EXIT_UNKNOWN";
	case KVM_EXIT_EXCEPTION:
		return "KVM_EXIT_EXCEPTION";
	case KVM_EXIT_IO:
		return "KVM_EXIT_IO";
	case KVM_EXIT_HLT:
		return "KVM_EXIT_HLT";
	case KVM_EXIT_MMIO:
		return "KVM_EXIT_MMIO";
	case KVM_EXIT_SHUTDOWN:
		return "KVM_EXIT_SHUTDOWN";
	case KVM_EXIT_FAIL_ENTRY:
		return "KVM_EXIT_FAIL_ENTRY";
	case KVM_EXIT_INTR:
		return "KVM_EXIT_INTR";
	case KVM_EXIT_INTERNAL_ERROR:
		return "KVM_EXIT_INTERNAL_ERROR";
#ifdef HAS_MEMORY_FAULT
	case KVM_EXIT_MEMORY_FAULT:
		return "KVM_EXIT_MEMORY_FAULT";
#endif
	}
	return "a reason without a name here";
}

static const char *error_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "an unknown errno";
}

const char *vm_describe(const struct vm_exit *exit)
{
	static char text[256];
	char fault[128] = "no memory_fault";

	if (!reason_counts(exit->error)) {
		snprintf(text, sizeof(text), "KVM_RUN returned %s", error_name(exit->error));
		return text;
	}
	if (exit->has_fault)
		snprintf(fault, sizeof(fault), "memory_fault gpa %#llx size %#llx flags %#llx",
			 (unsigned long long)exit->gpa, (unsigned long long)exit->size,
			 (unsigned long long)exit->flags);
	snprintf(text, sizeof(text), "KVM_RUN returned %s with exit_reason %u (%s), %s",
		 exit->error ? error_name(exit->error) : "0", exit->reason,
		 reason_name(exit->reason), fault);
	return text;
}
