/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's own page of code, and where in the guest's memory its tables lie. */
#ifndef KSERIES_X86_64_CODE_H
#define KSERIES_X86_64_CODE_H

#include "guest.h"

#define CODE_SLOT	0
#define CODE_GPA	0x1000
#define IDT_GPA		0x2000	/* 256 gates of 8 bytes */
#define GDT_GPA		0x2800
#define PD_GPA		0x3000	/* a page directory: all of 4 GiB onto itself */
#define CODE_PAGES	3

#define REPORT_PORT	0x10
#define INPUT_PORT	0x11
#define VECTOR		32	/* the first that is not the processor's own */

#define STR_(x)	#x
#define STR(x)	STR_(x)

extern const char guest_code[], guest_code_end[];
extern const char guest_code_read[], guest_code_write[], guest_code_fetch[], guest_code_atomic[];
extern const char guest_code_outs[], guest_code_ins[], guest_code_await[], guest_code_irq[];
extern const char guest_code_vmrun[];
extern const char guest_stub[], guest_stub_end[];

/* Go on at @entry with these registers; rip and the flags that are always set are filled in. */
void guest_start(struct vm *vm, const char *entry, struct kvm_regs regs);
/* The first byte of the guest's memory at @gpa, within the slot of its code. */
void *guest_own(const struct vm *vm, uint64_t gpa);
/* Translate by the page directory at PD_GPA from now on. */
void guest_enable_paging(struct vm *vm);

#endif
