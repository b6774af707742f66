/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What guests/<arch>/ provides: a guest that makes one access to its memory and
 * reports. Its own code and data lie in a populated slot, so that the access
 * asked for is the only one that can find memory missing.
 */
#ifndef KSERIES_GUEST_H
#define KSERIES_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm.h"

enum access {
	ACCESS_READ,
	ACCESS_WRITE,
	ACCESS_FETCH,
	ACCESS_ATOMIC,
	ACCESS_WALK,		/* a table that translates an address */
	ACCESS_PUSH,		/* the frame of an interrupt */
};

/* Slots from here on, at guest addresses from here on, are for the probe. */
#define GUEST_FIRST_SLOT	1
extern const uint64_t guest_free_gpa;

/* Create a VM of @type with one vCPU and the guest's own code. */
void guest_create(struct vm *vm, unsigned long type);

/*
 * Program the vCPU to access the 32 bits at @gpa next, once:
 *   ACCESS_READ   and to report what it read
 *   ACCESS_WRITE  store @value, and report @value once that is done
 *   ACCESS_FETCH  go on executing at @gpa, where guest_put_code() has put, or
 *                 will have put, what reports
 *   ACCESS_ATOMIC add @value, and report what was there before
 */
void guest_access(struct vm *vm, enum access access, uint64_t gpa, uint32_t value);

/*
 * Program the vCPU to read @offset of a page, once, by way of the translation
 * table at @table, which guest_put_table() fills in, and to report what it read.
 */
void guest_read_through(struct vm *vm, uint64_t table, uint32_t offset);
/*
 * As guest_access(), by way of translation: the guest uses an address that is not
 * @gpa, which may be as high as guest_far_gpa.
 */
void guest_access_translated(struct vm *vm, enum access access, uint64_t gpa, uint32_t value);
/* Beyond what 32 bits can say. */
extern const uint64_t guest_far_gpa;
/* May the hardware say that it writes to a table of which no page is there? */
extern const bool guest_walk_may_write;
/* Write a table to @hva that leads to the page at @gpa. */
void guest_put_table(void *hva, uint64_t gpa);

/*
 * Raise an interrupt whose frame goes to the stack below @stack, once the vCPU
 * runs. The guest reports how many interrupts it has got: 0 if none comes soon.
 */
void guest_interrupt(struct vm *vm, uint64_t stack);

/* Have another VM's vCPU go on where this one stands: registers and events. */
void guest_move(const struct vm *from, struct vm *to);

/* Prepare a vCPU that was added for guest_access(). */
void guest_init_vcpu(struct vm *vm);
/* A VM with one vCPU whose interrupt controller is the kernel's, and which takes interrupts. */
void guest_create_with_irqchip(struct vm *vm);
/* As guest_create(), with a capability of the VM switched on before it has a vCPU. */
void guest_create_with_cap(struct vm *vm, const struct kvm_enable_cap *enable);
/* Where the guest stands. */
uint64_t guest_pc(const struct vm *vm);

/*
 * Accesses that KVM makes itself, on behalf of the guest. Each skips the check
 * where the architecture or the kernel has no such thing.
 */
/* Program an I/O instruction that reports the 32 bits in memory at @gpa. */
void guest_string_out(struct vm *vm, uint64_t gpa);
/* The same for memory at @offset of the page that the translation table at @table leads to. */
void guest_string_out_through(struct vm *vm, uint64_t table, uint32_t offset);
/* Program an I/O instruction that stores its input at @gpa, then report what is there. */
void guest_string_in(struct vm *vm, uint64_t gpa);
/* Is this exit the request for that input? If so, answer it. */
bool guest_give_input(struct vm *vm, const struct vm_exit *exit, uint32_t value);
/* Have KVM keep its clock, or its account of stolen time, at @gpa. */
void guest_keep_clock(struct vm *vm, uint64_t gpa);
bool guest_clock_was_kept(const void *hva);
void guest_keep_steal_time(struct vm *vm, uint64_t gpa);
bool guest_steal_time_was_kept(const void *hva);
/* Program an instruction for which KVM maps the page at @gpa, tries it and reports. */
void guest_map_control_page(struct vm *vm, uint64_t gpa);
bool guest_control_page_was_used(const void *hva);

/*
 * Program the guest to have a guest of its own read or write @gpa, by way of
 * translations that the guest has made for it, and to report as guest_access()
 * has it. Skips the check where guests can have none.
 */
void guest_access_nested(struct vm *vm, enum access access, uint64_t gpa, uint32_t value);

/* Write code to @hva that makes a guest which executes it report @value. */
void guest_put_code(void *hva, uint32_t value);

/* Is this exit the guest's report? If so, @value is what it reported. */
bool guest_reported(const struct vm *vm, const struct vm_exit *exit, uint32_t *value);

/*
 * The type of VM whose memory user space can mark private without more ado
 * (no firmware, no keys). False where this architecture or kernel has none.
 */
bool guest_private_vm_type(int kvm, unsigned long *type);

#endif
