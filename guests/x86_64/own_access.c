// SPDX-License-Identifier: GPL-2.0-only
/* Accesses to guest memory that KVM makes itself. */
#include <string.h>

#include "code.h"
#include "ktap.h"

/* Documentation/virt/kvm/x86/msr.rst */
#define MSR_KVM_SYSTEM_TIME_NEW	0x4b564d01
#define MSR_KVM_STEAL_TIME	0x4b564d03
#define ENABLED			1

/* Where the results lie that KVM leaves behind. */
#define CLOCK_MULTIPLIER	24	/* pvclock_vcpu_time_info.tsc_to_system_mul */
#define STEAL_VERSION		8	/* kvm_steal_time.version */

void guest_string_out(struct vm *vm, uint64_t gpa)
{
	struct kvm_regs regs = { .rsi = gpa };

	guest_start(vm, guest_code_outs, regs);
}

void guest_string_out_through(struct vm *vm, uint64_t table, uint32_t offset)
{
	struct kvm_regs regs = { .rsi = WINDOW + offset };

	guest_open_table(vm, table);
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

void guest_keep_clock(struct vm *vm, uint64_t gpa)
{
	if (!guest_set_msr(vm, MSR_KVM_SYSTEM_TIME_NEW, gpa | ENABLED))
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
	if (!guest_set_msr(vm, MSR_KVM_STEAL_TIME, gpa | ENABLED))
		ktap_skip("this kernel keeps no account of stolen time");
}

bool guest_steal_time_was_kept(const void *hva)
{
	uint32_t version;

	memcpy(&version, (const char *)hva + STEAL_VERSION, sizeof(version));
	return version != 0;
}
