// SPDX-License-Identifier: GPL-2.0-only
/*
 * Protected mode with flat 32-bit segments and no paging: an address is a guest
 * physical address, there are no page tables to go missing, and nothing needs
 * CPUID. Reports are 32-bit writes to a port.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guest.h"
#include "ktap.h"

#define CODE_SLOT	0
#define CODE_GPA	0x1000
#define REPORT_PORT	0x10

const uint64_t guest_free_gpa = 0x10000000;

#define STR_(x)	#x
#define STR(x)	STR_(x)

/*
 * Copied to CODE_GPA; must not depend on where it stands. In: %ebx the address
 * to access, %eax the value to write. After its report the guest halts.
 */
asm(".pushsection .rodata\n"
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
    "guest_report:\n"
    "	outl %eax, $" STR(REPORT_PORT) "\n"
    "	hlt\n"
    "guest_code_end:\n"

    /* What guest_put_code() writes; the operand of the first one is patched. */
    "guest_stub:\n"
    "	movl $0, %eax\n"
    "	outl %eax, $" STR(REPORT_PORT) "\n"
    "	hlt\n"
    "guest_stub_end:\n"
    ".code64\n"
    ".popsection\n");

#define STUB_VALUE	1	/* where the operand of "movl $0, %eax" begins */

extern const char guest_code[], guest_code_end[];
extern const char guest_code_read[], guest_code_write[], guest_code_fetch[];
extern const char guest_stub[], guest_stub_end[];

static struct kvm_segment flat_segment(int type, int selector)
{
	struct kvm_segment segment = {
		.base = 0,
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.db = 1,
		.g = 1,
	};

	return segment;
}

static void enter_protected_mode(struct vm *vm)
{
	struct kvm_segment data = flat_segment(3 /* read/write, accessed */, 0x10);
	struct kvm_sregs sregs;

	if (ioctl(vm->vcpu, KVM_GET_SREGS, &sregs))
		ktap_fail("KVM_GET_SREGS: %s", strerror(errno));
	sregs.cs = flat_segment(11 /* execute/read, accessed */, 0x8);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr0 |= 1; /* PE */
	if (ioctl(vm->vcpu, KVM_SET_SREGS, &sregs))
		ktap_fail("KVM_SET_SREGS: %s", strerror(errno));
}

void guest_create(struct vm *vm, unsigned long type)
{
	struct slot code;
	int error;

	vm_create(vm, type);
	code = vm_memory(CODE_SLOT, CODE_GPA, 1);
	memcpy(code.hva, guest_code, guest_code_end - guest_code);
	error = vm_set_slot(vm, &code, 0);
	if (error)
		ktap_fail("cannot add the slot of the guest's code: %s", strerror(error));
	vm_add_vcpu(vm);
	enter_protected_mode(vm);
}

void guest_access(struct vm *vm, enum access access, uint64_t gpa, uint32_t value)
{
	static const char *const entries[] = {
		[ACCESS_READ] = guest_code_read,
		[ACCESS_WRITE] = guest_code_write,
		[ACCESS_FETCH] = guest_code_fetch,
	};
	struct kvm_regs regs = {
		.rip = CODE_GPA + (entries[access] - guest_code),
		.rflags = 2, /* the bit that is always set */
		.rax = value,
		.rbx = gpa,
	};

	if (vm->run->exit_reason == KVM_EXIT_IO)
		vm_finish_io(vm);
	if (ioctl(vm->vcpu, KVM_SET_REGS, &regs))
		ktap_fail("KVM_SET_REGS: %s", strerror(errno));
}

void guest_put_code(void *hva, uint32_t value)
{
	memcpy(hva, guest_stub, guest_stub_end - guest_stub);
	memcpy((char *)hva + STUB_VALUE, &value, sizeof(value));
}

bool guest_reported(const struct vm *vm, const struct vm_exit *exit, uint32_t *value)
{
	const struct kvm_run *run = vm->run;

	if (exit->error || exit->reason != KVM_EXIT_IO ||
	    run->io.direction != KVM_EXIT_IO_OUT ||
	    run->io.port != REPORT_PORT || run->io.size != sizeof(*value))
		return false;
	memcpy(value, (const char *)run + run->io.data_offset, sizeof(*value));
	return true;
}

bool guest_private_vm_type(int kvm, unsigned long *type)
{
#if defined(KVM_X86_SW_PROTECTED_VM) && defined(KVM_CAP_VM_TYPES)
	*type = KVM_X86_SW_PROTECTED_VM;
	return vm_cap(kvm, KVM_CAP_VM_TYPES) & (1 << KVM_X86_SW_PROTECTED_VM);
#else
	(void)kvm;
	(void)type;
	return false;
#endif
}
