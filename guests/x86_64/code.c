// SPDX-License-Identifier: GPL-2.0-only
/* What the guest executes. Copied to CODE_GPA; must not depend on where it stands. */
#include "code.h"

/*
 * In: %ebx the address to access, %eax the value to write. After its report the
 * guest halts.
 */
asm(".pushsection .rodata\n"
    ".globl guest_code\n"
    ".globl guest_code_read\n"
    ".globl guest_code_write\n"
    ".globl guest_code_fetch\n"
    ".globl guest_code_atomic\n"
    ".globl guest_code_outs\n"
    ".globl guest_code_ins\n"
    ".globl guest_code_await\n"
    ".globl guest_code_irq\n"
    ".globl guest_code_vmrun\n"
    ".globl guest_code_nest\n"
    ".globl guest_code_nested_read\n"
    ".globl guest_code_nested_write\n"
    ".globl guest_code_end\n"
    ".globl guest_stub\n"
    ".globl guest_stub_end\n"
    ".code32\n"
    "guest_code:\n"
    "guest_code_read:\n"
    "	movl (%ebx), %eax\n"
    "	jmp guest_report\n"
    "guest_code_write:\n"
    "	movl %eax, (%ebx)\n"
    "	jmp guest_report\n"
    "guest_code_fetch:\n"
    "	jmp *%ebx\n"
    "guest_code_atomic:\n"
    "	lock xaddl %eax, (%ebx)\n"
    "	jmp guest_report\n"

    /* %esi, %edi: memory that KVM reads and writes when it emulates the instruction. */
    "guest_code_outs:\n"
    "	movl $" STR(REPORT_PORT) ", %edx\n"
    "	outsl\n"
    "	hlt\n"
    "guest_code_ins:\n"
    "	movl $" STR(INPUT_PORT) ", %edx\n"
    "	insl\n"
    "	movl -4(%edi), %eax\n"
    "	jmp guest_report\n"

    /* %ebx: how long to wait for an interrupt; %ecx counts them. */
    "guest_code_await:\n"
    "	testl %ecx, %ecx\n"
    "	jnz 1f\n"
    "	decl %ebx\n"
    "	jnz guest_code_await\n"
    "1:	movl %ecx, %eax\n"
    "	jmp guest_report\n"
    "guest_code_irq:\n"
    "	incl %ecx\n"
    "	iretl\n"

    /* %ebx: a control block for a guest of the guest's. */
    "guest_code_vmrun:\n"
    "	movl %ebx, %eax\n"
    "	vmrun\n"
    "	movl %ebx, %eax\n"
    "	jmp guest_report\n"

    /* %esi: a control block whose guest leaves its report in %eax; %ebx is passed on to it. */
    "guest_code_nest:\n"
    "	movl %esi, %eax\n"
    "	vmrun\n"
    "	movl " STR(VMCB_RAX) "(%esi), %eax\n"
    "guest_report:\n"
    "	outl %eax, $" STR(REPORT_PORT) "\n"
    "	hlt\n"
    "guest_code_nested_read:\n"
    "	movl (%ebx), %eax\n"
    "	vmmcall\n"
    "guest_code_nested_write:\n"
    "	movl %eax, (%ebx)\n"
    "	vmmcall\n"
    "guest_code_end:\n"

    /* What guest_put_code() writes; the operand of the first one is patched. */
    "guest_stub:\n"
    "	movl $0, %eax\n"
    "	outl %eax, $" STR(REPORT_PORT) "\n"
    "	hlt\n"
    "guest_stub_end:\n"
    ".code64\n"
    ".popsection\n");
