// SPDX-License-Identifier: GPL-2.0-only
/* Accesses to guest memory that KVM makes itself: on arm64, the account of stolen time. */
#include <string.h>
#include <sys/ioctl.h>

#include "code.h"
#include "ktap.h"

#define LINE	64	/* what the account has to be aligned to (Documentation/virt/kvm/arm/pvtime.rst) */

void guest_string_out(struct vm *vm, uint64_t gpa)
{
	(void)vm;
	(void)gpa;
	ktap_skip("arm64 has no string I/O for KVM to emulate");
}

void guest_string_out_through(struct vm *vm, uint64_t table, uint32_t offset)
{
	(void)table;
	guest_string_out(vm, offset);
}

void guest_string_in(struct vm *vm, uint64_t gpa)
{
	guest_string_out(vm, gpa);
}

bool guest_give_input(struct vm *vm, const struct vm_exit *exit, uint32_t value)
{
	(void)vm;
	(void)exit;
	(void)value;
	return false;
}

void guest_keep_clock(struct vm *vm, uint64_t gpa)
{
	(void)vm;
	(void)gpa;
	ktap_skip("KVM keeps no clock in an arm64 guest's memory");
}

bool guest_clock_was_kept(const void *hva)
{
	(void)hva;
	return false;
}

void guest_keep_steal_time(struct vm *vm, uint64_t gpa)
{
	uint64_t base = gpa / LINE * LINE;
	struct kvm_device_attr attr = {
		.group = KVM_ARM_VCPU_PVTIME_CTRL,
		.attr = KVM_ARM_VCPU_PVTIME_IPA,
		.addr = (uintptr_t)&base,
	};

	if (ioctl(vm->vcpu, KVM_HAS_DEVICE_ATTR, &attr))
		ktap_skip("this kernel keeps no account of stolen time");
	if (ioctl(vm->vcpu, KVM_SET_DEVICE_ATTR, &attr))
		ktap_fail("cannot place the account of stolen time");
}

/* Stolen nanoseconds may well be none. What KVM has updated is there, though. */
bool guest_steal_time_was_kept(const void *hva)
{
	return vm_is_mapped(hva);
}

void guest_map_control_page(struct vm *vm, uint64_t gpa)
{
	(void)vm;
	(void)gpa;
	ktap_skip("no instruction of arm64 has KVM map a page of the guest's");
}

bool guest_control_page_was_used(const void *hva)
{
	(void)hva;
	return false;
}

void guest_access_nested(struct vm *vm, enum access access, uint64_t gpa, uint32_t value)
{
	(void)vm;
	(void)access;
	(void)gpa;
	(void)value;
	ktap_skip("guests at EL2 are not among what this check can make");
}
