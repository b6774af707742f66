// SPDX-License-Identifier: GPL-2.0-only
/* Translation, interrupts, and a vCPU that moves to another VM. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "code.h"
#include "ktap.h"

#define CR0_PG		(1ULL << 31)
#define CR4_PSE		(1ULL << 4)
#define PRESENT		0x7	/* and writable, for users too: to SVM, a guest is one */
#define LARGE		0x80	/* 4 MiB by one entry of the directory */
#define LARGE_SHIFT	22
#define LARGE_HIGH	13	/* where such an entry has bits 32 to 39 of its address */

const uint64_t guest_far_gpa = 0x340000000;
/* With nested paging, walks are writes, for the bits that mark an entry (AMD's manual, volume 2: 15.25.5). */
const bool guest_walk_may_write = true;

#define AWAIT_ROUNDS	300000

/* Get or set a part of a vCPU's state, which cannot fail. */
#define STATE(vm, request, state)							\
	do {										\
		if (ioctl((vm)->vcpu, request, state))					\
			ktap_fail(#request ": %s", strerror(errno));			\
	} while (0)

void guest_put_directory(uint32_t *directory)
{
	uint32_t i;

	for (i = 0; i < 1024; i++)
		directory[i] = i << LARGE_SHIFT | PRESENT | LARGE;
}

uint32_t guest_put_window(uint32_t *directory, uint64_t gpa)
{
	uint64_t around = gpa >> LARGE_SHIFT << LARGE_SHIFT;

	directory[WINDOW >> LARGE_SHIFT] = (uint32_t)around | around >> 32 << LARGE_HIGH | PRESENT | LARGE;
	return WINDOW + (gpa - around);
}

void guest_enable_paging(struct vm *vm)
{
	struct kvm_sregs sregs;

	guest_put_directory(guest_own(vm, PD_GPA));
	STATE(vm, KVM_GET_SREGS, &sregs);
	sregs.cr3 = PD_GPA;
	sregs.cr4 |= CR4_PSE;
	sregs.cr0 |= CR0_PG;
	STATE(vm, KVM_SET_SREGS, &sregs);
}

void guest_open_table(struct vm *vm, uint64_t table)
{
	uint32_t *directory = guest_own(vm, PD_GPA);

	guest_enable_paging(vm);
	directory[WINDOW >> LARGE_SHIFT] = table | PRESENT;
}

void guest_read_through(struct vm *vm, uint64_t table, uint32_t offset)
{
	struct kvm_regs regs = { .rbx = WINDOW + offset };

	guest_open_table(vm, table);
	guest_start(vm, guest_code_read, regs);
}

void guest_access_translated(struct vm *vm, enum access access, uint64_t gpa, uint32_t value)
{
	struct kvm_regs regs = { .rax = value };

	guest_enable_paging(vm);
	regs.rbx = guest_put_window(guest_own(vm, PD_GPA), gpa);
	guest_start(vm, guest_entry(access), regs);
}

void guest_put_table(void *hva, uint64_t gpa)
{
	uint32_t entry = gpa | PRESENT;

	memcpy(hva, &entry, sizeof(entry));
}

void guest_interrupt(struct vm *vm, uint64_t stack)
{
	struct kvm_regs regs = { .rbx = AWAIT_ROUNDS, .rsp = stack, .rflags = 1 << 9 /* IF */ };
	struct kvm_interrupt interrupt = { .irq = VECTOR };

	guest_start(vm, guest_code_await, regs);
	STATE(vm, KVM_INTERRUPT, &interrupt);
}

void guest_move(const struct vm *from, struct vm *to)
{
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	STATE(from, KVM_GET_REGS, &regs);
	STATE(from, KVM_GET_SREGS, &sregs);
	STATE(from, KVM_GET_VCPU_EVENTS, &events);
	/* Not twice: sregs have it in a bitmap of their own. */
	memset(sregs.interrupt_bitmap, 0, sizeof(sregs.interrupt_bitmap));
	STATE(to, KVM_SET_REGS, &regs);
	STATE(to, KVM_SET_SREGS, &sregs);
	STATE(to, KVM_SET_VCPU_EVENTS, &events);
}
