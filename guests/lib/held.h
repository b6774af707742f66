/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that is about to access memory in a slot with KVM_MEM_USERFAULT, and
 * what has to come of it. Beside such a slot user space keeps a bitmap; here, a
 * page whose bit is set is held, and is released by clearing its bit.
 *
 * Held has nothing to do with missing: the memory of a held page may well be
 * there. KVM reads the bitmap when the guest faults, so that a page which it has
 * mapped for the guest before is held only from the next change of the flag on.
 */
#ifndef KSERIES_HELD_H
#define KSERIES_HELD_H

#include "scene.h"

/* What headers define that know of it. */
#define HELD_NAMES	"KVM_CAP_USERFAULT, KVM_MEM_USERFAULT and userfault_bitmap"

/* More than a word of the bitmap has bits for. */
#define HELD_PAGES	130

struct held {
	struct scene scene;
	unsigned long *bitmap;
	size_t bitmap_size;
};

/* Skip the check where the capability is not advertised, at once where it has no name. */
void held_need_capability(void);

/* A bitmap for @slot, with all bits set. */
void held_new_bitmap(struct held *held, const struct slot *slot);
/* Set or clear the bits of a number of pages, from @page on. */
void held_set_bits(struct held *held, unsigned int page, unsigned int count, bool set);
void held_set_all(struct held *held, bool set);

/* Make @slot known to the VM, or change it, with this bitmap if @flags ask for one. 0 or an errno. */
int held_set_slot(struct vm *vm, const struct slot *slot, uint32_t flags, const void *bitmap);
/* The same with a guest_memfd: @fd, or the one that the slot has. */
int held_set_slot_guest_memfd(struct vm *vm, const struct slot *slot, uint32_t flags, const void *bitmap, int fd);
/* Change the flags of the guest's slot; a kernel that refuses fails the check. */
void held_change(struct held *held, uint32_t flags);

/* A guest about to access SCENE_PAGE of HELD_PAGES pages, all of which are held. */
void held_set(struct held *held, enum access access);
/* The same in memory of the caller's, with more flags beside KVM_MEM_USERFAULT. */
void held_set_in(struct held *held, const struct slot *memory, uint32_t flags, enum access access);
/* The same without KVM_MEM_USERFAULT, for now. */
void held_set_unflagged(struct held *held, const struct slot *memory, enum access access);

/* Fail the check unless @exit tells of a held page where the guest is. */
void held_expect_told(const struct held *held, const struct vm_exit *exit, bool private);
/* Run to an exit that tells of the held page. */
struct vm_exit held_run_into(struct held *held);
/* Clear the bits of the range that @exit tells of. */
void held_release(struct held *held, const struct vm_exit *exit);
/* Run into the held page, release it, and run to the report, which has to be @value. */
void held_expect_served(struct held *held, uint32_t value);
/* Have the guest access a page: without an exit, whatever it reports. */
void held_use(struct held *held, enum access access, unsigned int page);
/* Have the guest access a page, and fail the check unless that is told as held. */
void held_expect_held(struct held *held, enum access access, unsigned int page);

#endif
