// SPDX-License-Identifier: GPL-2.0-only
/* Accesses to guest memory that KVM makes itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "code.h"
#include "ktap.h"

/* Documentation/virt/kvm/x86/msr.rst, and AMD's manual, volume 2, 15.30 */
#define MSR_KVM_SYSTEM_TIME_NEW	0x4b564d01
#define MSR_KVM_STEAL_TIME	0x4b564d03
#define MSR_EFER		0xc0000080
#define MSR_VM_HSAVE_PA		0xc0010117
#define ENABLED			1
#define EFER_SVME		(1ULL << 12)

/* Where the results lie that KVM leaves behind. */
#define CLOCK_MULTIPLIER	24	/* pvclock_vcpu_time_info.tsc_to_system_mul */
#define STEAL_VERSION		8	/* kvm_steal_time.version */
#define VMCB_EXIT_CODE		0x70
#define VMEXIT_INVALID		(~0ULL)

#define MAX_CPUID		256

void guest_string_out(struct vm *vm, uint64_t gpa)
{
	struct kvm_regs regs = { .rsi = gpa };

	guest_start(vm, guest_code_outs, regs);
}

void guest_string_in(struct vm *vm, uint64_t gpa)
{
	struct kvm_regs regs = { .rdi = gpa };

	guest_start(vm, guest_code_ins, regs);
}

bool guest_give_input(struct vm *vm, const struct vm_exit *exit, uint32_t value)
{
	struct kvm_run *run = vm->run;

	if (exit->error || exit->reason != KVM_EXIT_IO ||
	    run->io.direction != KVM_EXIT_IO_IN ||
	    run->io.port != INPUT_PORT || run->io.size != sizeof(value))
		return false;
	memcpy((char *)run + run->io.data_offset, &value, sizeof(value));
	return true;
}

/* False if KVM does not take it. */
static bool set_msr(struct vm *vm, uint32_t index, uint64_t value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head.nmsrs = 1, .entry = { .index = index, .data = value } };

	return ioctl(vm->vcpu, KVM_SET_MSRS, &msrs) == 1;
}

void guest_keep_clock(struct vm *vm, uint64_t gpa)
{
	if (!set_msr(vm, MSR_KVM_SYSTEM_TIME_NEW, gpa | ENABLED))
		ktap_fail("cannot set MSR_KVM_SYSTEM_TIME_NEW");
}

bool guest_clock_was_kept(const void *hva)
{
	uint32_t multiplier;

	memcpy(&multiplier, (const char *)hva + CLOCK_MULTIPLIER, sizeof(multiplier));
	return multiplier != 0;
}

void guest_keep_steal_time(struct vm *vm, uint64_t gpa)
{
	if (!set_msr(vm, MSR_KVM_STEAL_TIME, gpa | ENABLED))
		ktap_skip("this kernel keeps no account of stolen time");
}

bool guest_steal_time_was_kept(const void *hva)
{
	uint32_t version;

	memcpy(&version, (const char *)hva + STEAL_VERSION, sizeof(version));
	return version != 0;
}

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
	if (!set_msr(vm, MSR_EFER, EFER_SVME))
		ktap_skip("this kernel offers its guests no SVM");
}

/* VMRUN of a control block that is all zero: invalid, and marked as such. */
void guest_map_control_page(struct vm *vm, uint64_t gpa)
{
	struct kvm_regs regs = { .rbx = gpa };

	offer_svm(vm);
	guest_enable_paging(vm);
	if (!set_msr(vm, MSR_VM_HSAVE_PA, PD_GPA))
		ktap_fail("cannot set MSR_VM_HSAVE_PA");
	guest_start(vm, guest_code_vmrun, regs);
}

bool guest_control_page_was_used(const void *hva)
{
	uint64_t code;

	memcpy(&code, (const char *)hva + VMCB_EXIT_CODE, sizeof(code));
	return code == VMEXIT_INVALID;
}
