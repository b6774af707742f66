/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's own memory: its code, its vectors, its tables, and where they lie. */
#ifndef KSERIES_ARM64_CODE_H
#define KSERIES_ARM64_CODE_H

#include "guest.h"

#define OWN_SLOT	0
#define OWN_GPA		0x1000
#define CODE_GPA	0x1000
#define VECTORS_GPA	0x2000
#define LEVEL1_GPA	0x3000	/* 512 entries: 1 GiB each, onto themselves */
#define LEVEL2_GPA	0x4000	/* for the window, when it leads to a table */
#define OWN_PAGES	4

/* In no slot: a store there ends KVM_RUN with KVM_EXIT_MMIO. */
#define REPORT_GPA	0x8000
#define REPORT		0x0	/* what the guest reports */
#define HALTED		0x8	/* that it has nothing left to do */
#define SURPRISED	0x10	/* the ESR_EL1 of an exception that nobody asked for */

/* An address that leads elsewhere, where that is asked for. */
#define WINDOW		0x4000000000ULL

#define STR_(x)	#x
#define STR(x)	STR_(x)

extern const char guest_code[], guest_code_end[];
extern const char guest_code_read[], guest_code_write[], guest_code_fetch[], guest_code_atomic[];
extern const char guest_code_await[];
extern const char guest_vectors[], guest_vectors_end[];
extern const char guest_stub[], guest_stub_end[];

/* What the guest's code starts with. */
struct start {
	uint64_t value;		/* x0 */
	uint64_t address;	/* x1 */
	uint64_t stack;		/* sp */
	bool takes_interrupts;
};

/* Go on at @entry. */
void guest_start(struct vm *vm, const char *entry, const struct start *start);
/* The first byte of the guest's own memory at @gpa. */
void *guest_own(const struct vm *vm, uint64_t gpa);
/* Where guest_access() begins for this kind of access. */
const char *guest_entry(enum access access);

#endif
