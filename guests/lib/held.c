// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "held.h"
#include "ktap.h"

#define WORD_BITS	(sizeof(long) * CHAR_BIT)

void held_need_capability(void)
{
	struct vm vm;

	if (CAP_USERFAULT == CAP_ABSENT)
		vm_need_cap(-1, CAP_USERFAULT, HELD_NAMES);
	vm_create(&vm, VM_TYPE_DEFAULT);
	vm_need_cap(vm.fd, CAP_USERFAULT, "KVM_CAP_USERFAULT");
}

void held_new_bitmap(struct held *held, const struct slot *slot)
{
	size_t pages = slot->size / vm_page_size(), page_size = vm_page_size();

	held->bitmap_size = (pages / CHAR_BIT + page_size) / page_size * page_size;
	held->bitmap = mmap(NULL, held->bitmap_size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (held->bitmap == MAP_FAILED)
		ktap_fail("cannot map a bitmap: %s", strerror(errno));
	held_set_all(held, true);
}

/* With release semantics: what the page has is to be seen by whoever sees the bit cleared. */
void held_set_bits(struct held *held, unsigned int page, unsigned int count, bool set)
{
	for (; count; page++, count--) {
		unsigned long *word = &held->bitmap[page / WORD_BITS], bit = 1UL << page % WORD_BITS;

		if (set)
			__atomic_fetch_or(word, bit, __ATOMIC_RELEASE);
		else
			__atomic_fetch_and(word, ~bit, __ATOMIC_RELEASE);
	}
}

void held_set_all(struct held *held, bool set)
{
	memset(held->bitmap, set ? 0xff : 0, held->bitmap_size);
}

#ifdef HAS_USERFAULT_BITMAP
int held_set_slot_guest_memfd(struct vm *vm, const struct slot *slot, uint32_t flags, const void *bitmap, int fd)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = slot->id,
		.flags = flags,
		.guest_phys_addr = slot->gpa,
		.memory_size = slot->size,
		.userspace_addr = (uintptr_t)slot->hva,
		.userfault_bitmap = flags & MEM_USERFAULT ? (uintptr_t)bitmap : 0,
	};

	if (fd >= 0) {
		region.flags |= KVM_MEM_GUEST_MEMFD;
		region.guest_memfd = fd;
	}
	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &region) ? errno : 0;
}
#else
int held_set_slot_guest_memfd(struct vm *vm, const struct slot *slot, uint32_t flags, const void *bitmap, int fd)
{
	(void)vm;
	(void)slot;
	(void)flags;
	(void)bitmap;
	(void)fd;
	ktap_skip("the headers of this kernel have no userfault_bitmap");
}
#endif

int held_set_slot(struct vm *vm, const struct slot *slot, uint32_t flags, const void *bitmap)
{
	return held_set_slot_guest_memfd(vm, slot, flags, bitmap, -1);
}

void held_change(struct held *held, uint32_t flags)
{
	int error = held_set_slot(&held->scene.vm, &held->scene.slot, flags, held->bitmap);

	if (error)
		ktap_fail("expected the flags of a live slot to become %#x, got %s", flags, strerror(error));
}

static void set_in(struct held *held, const struct slot *memory, uint32_t flags, enum access access)
{
	int error;

	memset(held, 0, sizeof(*held));
	guest_create(&held->scene.vm, VM_TYPE_DEFAULT);
	held->scene.slot = *memory;
	held_new_bitmap(held, memory);
	error = held_set_slot(&held->scene.vm, memory, flags, held->bitmap);
	if (error)
		ktap_fail("cannot add a slot with flags %#x: %s", flags, strerror(error));
	scene_aim(&held->scene, access, SCENE_PAGE);
}

void held_set_in(struct held *held, const struct slot *memory, uint32_t flags, enum access access)
{
	set_in(held, memory, MEM_USERFAULT | flags, access);
}

void held_set_unflagged(struct held *held, const struct slot *memory, enum access access)
{
	set_in(held, memory, 0, access);
}

void held_set(struct held *held, enum access access)
{
	struct slot memory;

	held_need_capability();
	memory = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, HELD_PAGES);
	held_set_in(held, &memory, 0, access);
}

void held_expect_told(const struct held *held, const struct vm_exit *exit, bool private)
{
	const struct expected_fault expected = {
		.access = held->scene.access,
		.gpa = held->scene.gpa,
		.private = private,
		.within = &held->scene.slot,
	};

	expect_memory_fault(exit, &expected);
	if (FAULT_USERFAULT && !(exit->flags & FAULT_USERFAULT))
		ktap_fail("%s of %#llx: expected KVM_MEMORY_EXIT_FLAG_USERFAULT to be set, got: %s",
			  access_name(expected.access), (unsigned long long)expected.gpa, vm_describe(exit));
}

struct vm_exit held_run_into(struct held *held)
{
	struct vm_exit exit = vm_run_briefly(&held->scene.vm);

	held_expect_told(held, &exit, false);
	return exit;
}

void held_release(struct held *held, const struct vm_exit *exit)
{
	held_set_bits(held, (exit->gpa - held->scene.slot.gpa) / vm_page_size(),
		      exit->size / vm_page_size(), false);
}

/* Unlike a page that is missing, one whose bit is clear gives no reason for another exit. */
static uint32_t run_to_report(struct held *held)
{
	struct vm_exit exit = vm_run_briefly(&held->scene.vm);
	uint32_t value;

	if (!guest_reported(&held->scene.vm, &exit, &value))
		ktap_fail("%s of %#llx: expected the guest to go on, as the page's bit is clear, got: %s",
			  access_name(held->scene.access), (unsigned long long)held->scene.gpa,
			  vm_describe(&exit));
	return value;
}

void held_expect_served(struct held *held, uint32_t value)
{
	struct vm_exit exit = held_run_into(held);

	held_release(held, &exit);
	scene_expect_value(&held->scene, "the guest", value, run_to_report(held));
	if (held->scene.access == ACCESS_WRITE)
		scene_expect_value(&held->scene, "user space", SCENE_VALUE, scene_value_at(held->scene.hva));
}

void held_use(struct held *held, enum access access, unsigned int page)
{
	scene_aim(&held->scene, access, page);
	run_to_report(held);
}

void held_expect_held(struct held *held, enum access access, unsigned int page)
{
	scene_aim(&held->scene, access, page);
	held_run_into(held);
}
