// SPDX-License-Identifier: GPL-2.0-only
/*
 * Protected mode with flat 32-bit segments and no paging: an address is a guest
 * physical address, there are no page tables to go missing, and nothing needs
 * CPUID. Reports are 32-bit writes to a port.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "code.h"
#include "ktap.h"

#define CR0_PE		(1U << 0)
#define STUB_VALUE	1	/* where the operand of "movl $0, %eax" begins */

const uint64_t guest_free_gpa = 0x10000000;

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

void guest_init_vcpu(struct vm *vm)
{
	struct kvm_segment data = flat_segment(3 /* read/write, accessed */, 0x10);
	struct kvm_sregs sregs;

	if (ioctl(vm->vcpu, KVM_GET_SREGS, &sregs))
		ktap_fail("KVM_GET_SREGS: %s", strerror(errno));
	sregs.cs = flat_segment(11 /* execute/read, accessed */, 0x8);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.gdt = (struct kvm_dtable){ .base = GDT_GPA, .limit = 3 * 8 - 1 };
	sregs.idt = (struct kvm_dtable){ .base = IDT_GPA, .limit = 256 * 8 - 1 };
	sregs.cr0 |= CR0_PE;
	if (ioctl(vm->vcpu, KVM_SET_SREGS, &sregs))
		ktap_fail("KVM_SET_SREGS: %s", strerror(errno));
}

/* Descriptors for the two segments above, and a gate for the one interrupt. */
static void put_tables(uint8_t *code_page)
{
	const uint64_t gdt[] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff };
	const uint64_t handler = CODE_GPA + (guest_code_irq - guest_code);
	const uint64_t gate = (handler & 0xffff) | 0x8 << 16 | 0x8eULL << 40 | handler >> 16 << 48;

	memcpy(code_page + GDT_GPA - CODE_GPA, gdt, sizeof(gdt));
	memcpy(code_page + IDT_GPA - CODE_GPA + VECTOR * sizeof(gate), &gate, sizeof(gate));
}

static void create(struct vm *vm, unsigned long type, const struct kvm_enable_cap *enable)
{
	struct slot code;
	int error;

	vm_create(vm, type);
	if (enable && ioctl(vm->fd, KVM_ENABLE_CAP, enable))
		ktap_fail("KVM_ENABLE_CAP of %u: %s", enable->cap, strerror(errno));
	code = vm_memory(CODE_SLOT, CODE_GPA, CODE_PAGES);
	vm->own = code.hva;
	memcpy(code.hva, guest_code, guest_code_end - guest_code);
	put_tables(code.hva);
	error = vm_set_slot(vm, &code, 0);
	if (error)
		ktap_fail("cannot add the slot of the guest's code: %s", strerror(error));
	vm_add_vcpu(vm);
	guest_init_vcpu(vm);
}

void guest_create(struct vm *vm, unsigned long type)
{
	create(vm, type, NULL);
}

void guest_create_with_irqchip(struct vm *vm)
{
	/* The local APIC alone: a kernel may be without the others (CONFIG_KVM_IOAPIC). */
	const struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP };

	create(vm, VM_TYPE_DEFAULT, &split);
	vm->takes_interrupts = true;
}

void guest_create_with_cap(struct vm *vm, const struct kvm_enable_cap *enable)
{
	create(vm, VM_TYPE_DEFAULT, enable);
}

void *guest_own(const struct vm *vm, uint64_t gpa)
{
	return vm->own + (gpa - CODE_GPA);
}

void guest_start(struct vm *vm, const char *entry, struct kvm_regs regs)
{
	regs.rip = CODE_GPA + (entry - guest_code);
	regs.rflags |= 2 /* always set */ | (vm->takes_interrupts ? 1 << 9 : 0);
	if (vm->run->exit_reason == KVM_EXIT_IO || vm->run->exit_reason == KVM_EXIT_MMIO)
		vm_finish_io(vm);
	if (ioctl(vm->vcpu, KVM_SET_REGS, &regs))
		ktap_fail("KVM_SET_REGS: %s", strerror(errno));
}

bool guest_set_msr(struct vm *vm, uint32_t index, uint64_t value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head.nmsrs = 1, .entry = { .index = index, .data = value } };

	return ioctl(vm->vcpu, KVM_SET_MSRS, &msrs) == 1;
}

const char *guest_entry(enum access access)
{
	static const char *const entries[] = {
		[ACCESS_READ] = guest_code_read,
		[ACCESS_WRITE] = guest_code_write,
		[ACCESS_FETCH] = guest_code_fetch,
		[ACCESS_ATOMIC] = guest_code_atomic,
	};

	return entries[access];
}

void guest_access(struct vm *vm, enum access access, uint64_t gpa, uint32_t value)
{
	struct kvm_regs regs = { .rax = value, .rbx = gpa };

	guest_start(vm, guest_entry(access), regs);
}

uint64_t guest_pc(const struct vm *vm)
{
	struct kvm_regs regs;

	if (ioctl(vm->vcpu, KVM_GET_REGS, &regs))
		ktap_fail("KVM_GET_REGS: %s", strerror(errno));
	return regs.rip;
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
#ifdef HAS_SW_PROTECTED_VM
	*type = KVM_X86_SW_PROTECTED_VM;
	return vm_cap(kvm, CAP_VM_TYPES) & (1 << KVM_X86_SW_PROTECTED_VM);
#else
	(void)kvm;
	(void)type;
	return false;
#endif
}
