// SPDX-License-Identifier: GPL-2.0-only
/* A guest of the guest's, by AMD's SVM. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "code.h"
#include "ktap.h"

/* AMD's manual, volume 2: 15.30, and appendix B for the control block */
#define MSR_EFER		0xc0000080
#define MSR_VM_HSAVE_PA		0xc0010117
#define EFER_SVME		(1ULL << 12)

#define VMCB_INTERCEPTS		0x10	/* the word that begins with VMRUN */
#define VMCB_ASID		0x58
#define VMCB_EXIT_CODE		0x70
#define VMCB_NESTED_PAGING	0x90
#define VMCB_NESTED_CR3		0xb0
#define VMCB_SEGMENTS		0x400	/* es, cs, ss, ds */
#define VMCB_EFER		0x4d0
#define VMCB_CR0		0x558
#define VMCB_RFLAGS		0x570
#define VMCB_RIP		0x578

#define INTERCEPT_VMRUN		(1ULL << 0)	/* has to be there */
#define INTERCEPT_VMMCALL	(1ULL << 1)
#define VMEXIT_INVALID		(~0ULL)
#define CR0_PE_ET		0x11	/* protected mode; the other one is always set */

#define MAX_CPUID		256

static void offer_svm(struct vm *vm)
{
	struct kvm_cpuid2 *cpuid;

	cpuid = calloc(1, sizeof(*cpuid) + MAX_CPUID * sizeof(cpuid->entries[0]));
	if (!cpuid)
		ktap_fail("no memory");
	cpuid->nent = MAX_CPUID;
	if (ioctl(vm->kvm, KVM_GET_SUPPORTED_CPUID, cpuid))
		ktap_fail("KVM_GET_SUPPORTED_CPUID: %s", strerror(errno));
	if (ioctl(vm->vcpu, KVM_SET_CPUID2, cpuid))
		ktap_fail("KVM_SET_CPUID2: %s", strerror(errno));
	free(cpuid);
	if (!guest_set_msr(vm, MSR_EFER, EFER_SVME))
		ktap_skip("this kernel offers its guests no SVM");
}

/* VMRUN of a control block that is all zero: invalid, and marked as such. */
void guest_map_control_page(struct vm *vm, uint64_t gpa)
{
	struct kvm_regs regs = { .rbx = gpa };

	offer_svm(vm);
	guest_enable_paging(vm);
	if (!guest_set_msr(vm, MSR_VM_HSAVE_PA, PD_GPA))
		ktap_fail("cannot set MSR_VM_HSAVE_PA");
	guest_start(vm, guest_code_vmrun, regs);
}

bool guest_control_page_was_used(const void *hva)
{
	uint64_t code;

	memcpy(&code, (const char *)hva + VMCB_EXIT_CODE, sizeof(code));
	return code == VMEXIT_INVALID;
}

static void put(uint8_t *vmcb, size_t field, uint64_t value)
{
	memcpy(vmcb + field, &value, sizeof(value));
}

/* Protected mode with flat segments, as the guest has it, at one of the nested entries. */
static void put_control_block(uint8_t *vmcb, const char *entry, uint32_t value)
{
	const struct {
		uint16_t selector, attributes;
		uint32_t limit;
		uint64_t base;
	} code = { 0x8, 0xc9b, 0xffffffff, 0 }, data = { 0x10, 0xc93, 0xffffffff, 0 };
	size_t i;

	memset(vmcb, 0, vm_page_size());
	put(vmcb, VMCB_INTERCEPTS, INTERCEPT_VMRUN | INTERCEPT_VMMCALL);
	put(vmcb, VMCB_ASID, 1);
	put(vmcb, VMCB_NESTED_PAGING, 1);
	put(vmcb, VMCB_NESTED_CR3, NESTED_PD_GPA);
	for (i = 0; i < 4; i++)
		memcpy(vmcb + VMCB_SEGMENTS + i * sizeof(data), i == 1 ? &code : &data, sizeof(data));
	put(vmcb, VMCB_EFER, EFER_SVME);
	put(vmcb, VMCB_CR0, CR0_PE_ET);
	put(vmcb, VMCB_RFLAGS, 2);
	put(vmcb, VMCB_RIP, CODE_GPA + (entry - guest_code));
	put(vmcb, VMCB_RAX, value);
}

void guest_access_nested(struct vm *vm, enum access access, uint64_t gpa, uint32_t value)
{
	const char *entry = access == ACCESS_WRITE ? guest_code_nested_write : guest_code_nested_read;
	uint32_t *directory = guest_own(vm, NESTED_PD_GPA);
	struct kvm_regs regs = { .rsi = VMCB_GPA };

	offer_svm(vm);
	guest_enable_paging(vm);
	if (!guest_set_msr(vm, MSR_VM_HSAVE_PA, PD_GPA))
		ktap_fail("cannot set MSR_VM_HSAVE_PA");
	guest_put_directory(directory);
	regs.rbx = guest_put_window(directory, gpa);
	put_control_block(guest_own(vm, VMCB_GPA), entry, value);
	guest_start(vm, guest_code_nest, regs);
}
