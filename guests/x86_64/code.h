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
#define VMCB_GPA	0x4000	/* the control block of a guest of the guest's, */
#define NESTED_PD_GPA	0x5000	/* and the page directory for its memory */
#define CODE_PAGES	5
#define VMCB_RAX	0x5f8	/* in a control block */

#define REPORT_PORT	0x10
#define INPUT_PORT	0x11
#define VECTOR		32	/* the first that is not the processor's own */

#define STR_(x)	#x
#define STR(x)	STR_(x)

extern const char guest_code[], guest_code_end[];
extern const char guest_code_read[], guest_code_write[], guest_code_fetch[], guest_code_atomic[];
extern const char guest_code_outs[], guest_code_ins[], guest_code_await[], guest_code_irq[];
extern const char guest_code_vmrun[], guest_code_nest[];
extern const char guest_code_nested_read[], guest_code_nested_write[];
extern const char guest_stub[], guest_stub_end[];

/* Go on at @entry with these registers; rip and the flags that are always set are filled in. */
void guest_start(struct vm *vm, const char *entry, struct kvm_regs regs);
/* The first byte of the guest's memory at @gpa, within the slot of its code. */
void *guest_own(const struct vm *vm, uint64_t gpa);
/* An address that leads elsewhere, where that is asked for. */
#define WINDOW		0x40000000U
/* Fill @directory with one entry for each 4 MiB, onto themselves. */
void guest_put_directory(uint32_t *directory);
/* Have 4 MiB at WINDOW lead to those around @gpa. Returns the address that leads to @gpa itself. */
uint32_t guest_put_window(uint32_t *directory, uint64_t gpa);
/* Translate by the page directory at PD_GPA from now on. */
void guest_enable_paging(struct vm *vm);
/* Have the window lead to the page that the table at @table names. */
void guest_open_table(struct vm *vm, uint64_t table);
/* False if KVM does not take it. */
bool guest_set_msr(struct vm *vm, uint32_t index, uint64_t value);
/* Where guest_access() begins for this kind of access. */
const char *guest_entry(enum access access);

#endif
