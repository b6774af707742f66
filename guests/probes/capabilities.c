// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel advertises, which contracts are chosen by, and whether the
 * ways to ask and the flags that go with it agree.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guest.h"
#include "ktap.h"
#include "mem_flags.h"
#include "vm.h"

static const struct {
	const char *name;
	int cap;
} caps[] = {
	{ "KVM_CAP_MEMORY_FAULT_INFO", CAP_MEMORY_FAULT_INFO },
	{ "KVM_CAP_EXIT_ON_MISSING", CAP_EXIT_ON_MISSING },
};

static void tell_caps(void)
{
	struct vm vm;
	size_t i;

	vm_create(&vm, VM_TYPE_DEFAULT);
	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		if (caps[i].cap == CAP_ABSENT)
			ktap_diag("the headers of this kernel do not define %s", caps[i].name);
		ktap_cap(caps[i].name, vm_cap(vm.fd, caps[i].cap));
	}
}

static void system_and_vm_agree(void)
{
	struct vm vm;
	size_t i;

	vm_create(&vm, VM_TYPE_DEFAULT);
	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		int system = vm_cap(vm.kvm, caps[i].cap);
		int of_vm = vm_cap(vm.fd, caps[i].cap);

		if (system != of_vm)
			ktap_fail("expected one answer for %s, got %d from /dev/kvm and %d from a VM",
				  caps[i].name, system, of_vm);
	}
}

/* Try a slot with @flags. 0 or an errno. */
static int try_flags(struct vm *vm, uint32_t flags)
{
	struct slot slot = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, 1);

	return vm_set_slot(vm, &slot, flags);
}

static void flag_accepted(void)
{
	struct vm vm;
	int error;

	vm_create(&vm, VM_TYPE_DEFAULT);
	vm_need_cap(vm.fd, CAP_EXIT_ON_MISSING, "KVM_CAP_EXIT_ON_MISSING");
	if (!MEM_EXIT_ON_MISSING)
		ktap_fail("KVM_CAP_EXIT_ON_MISSING is advertised, but the headers define no KVM_MEM_EXIT_ON_MISSING");

	error = try_flags(&vm, MEM_EXIT_ON_MISSING);
	if (error)
		ktap_fail("expected a slot with KVM_MEM_EXIT_ON_MISSING to be accepted, got %s",
			  strerror(error));
}

/* By either ioctl. */
static void expect_refused(struct vm *vm, uint32_t flags, const char *what)
{
	struct slot slot = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, 1);
	int error = vm_set_slot(vm, &slot, flags);

	if (error != EINVAL)
		ktap_fail("expected %s to be refused with EINVAL, got %s", what,
			  error ? strerror(error) : "a slot that has it");
	error = vm_set_slot_v1(vm, &slot, flags);
	if (error != EINVAL)
		ktap_fail("expected %s to be refused with EINVAL by KVM_SET_USER_MEMORY_REGION, got %s", what,
			  error ? strerror(error) : "a slot that has it");
}

static void flag_refused(void)
{
	struct vm vm;

	vm_create(&vm, VM_TYPE_DEFAULT);
	if (vm_cap(vm.fd, CAP_EXIT_ON_MISSING))
		ktap_skip("KVM_CAP_EXIT_ON_MISSING is advertised");
	if (!MEM_EXIT_ON_MISSING)
		ktap_skip("the headers of this kernel do not define KVM_MEM_EXIT_ON_MISSING");

	expect_refused(&vm, MEM_EXIT_ON_MISSING, "KVM_MEM_EXIT_ON_MISSING");
}

static void undefined_flags_refused(void)
{
	struct slot slot = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, 1);
	struct vm vm;
	int bit, error;

	vm_create(&vm, VM_TYPE_DEFAULT);
	for (bit = 0; bit < 32; bit++) {
		uint32_t flag = 1U << bit;

		if (flag & DEFINED_MEM_FLAGS)
			continue;
		error = vm_set_slot_v1(&vm, &slot, flag);
		if (error != EINVAL)
			ktap_fail("expected KVM_SET_USER_MEMORY_REGION to refuse flag bit %d, which no KVM_MEM_* name defines, with EINVAL, got %s",
				  bit, error ? strerror(error) : "a slot that has it");
		error = vm_set_slot(&vm, &slot, flag);
		if (error != EINVAL)
			ktap_fail("expected the newest KVM_SET_USER_MEMORY_REGION* to refuse flag bit %d, which no KVM_MEM_* name defines, with EINVAL, got %s",
				  bit, error ? strerror(error) : "a slot that has it");
	}
}

static void enable_cap_refused(void)
{
	struct kvm_enable_cap enable = { 0 };
	struct vm vm;
	int error;

	vm_create(&vm, VM_TYPE_DEFAULT);
	if (CAP_EXIT_ON_MISSING == CAP_ABSENT)
		ktap_skip("the headers of this kernel do not define KVM_CAP_EXIT_ON_MISSING");
	enable.cap = CAP_EXIT_ON_MISSING;
	error = ioctl(vm.fd, KVM_ENABLE_CAP, &enable) ? errno : 0;
	if (error != EINVAL)
		ktap_fail("expected KVM_ENABLE_CAP of KVM_CAP_EXIT_ON_MISSING to be refused with EINVAL, got %s",
			  error ? strerror(error) : "success");
}

static void need_flag(struct vm *vm)
{
	vm_create(vm, VM_TYPE_DEFAULT);
	vm_need_cap(vm->fd, CAP_EXIT_ON_MISSING, "KVM_CAP_EXIT_ON_MISSING");
}

static void flag_accepted_by_first_ioctl(void)
{
	struct slot slot = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, 1);
	struct vm vm;
	int error;

	need_flag(&vm);
	error = vm_set_slot_v1(&vm, &slot, MEM_EXIT_ON_MISSING);
	if (error)
		ktap_fail("expected KVM_SET_USER_MEMORY_REGION to accept KVM_MEM_EXIT_ON_MISSING, got %s",
			  strerror(error));
}

static void flag_accepted_with_dirty_log(void)
{
	struct vm vm;
	int error;

	need_flag(&vm);
	error = try_flags(&vm, MEM_EXIT_ON_MISSING | KVM_MEM_LOG_DIRTY_PAGES);
	if (error)
		ktap_fail("expected KVM_MEM_EXIT_ON_MISSING with KVM_MEM_LOG_DIRTY_PAGES to be accepted, got %s",
			  strerror(error));
}

static void flag_refused_with_readonly(void)
{
	struct vm vm;

	need_flag(&vm);
	expect_refused(&vm, MEM_EXIT_ON_MISSING | KVM_MEM_READONLY,
		       "KVM_MEM_EXIT_ON_MISSING with KVM_MEM_READONLY");
}

/* Its exits are memory faults, and this is how user space knows that it may look at one. */
static void memory_fault_info_too(void)
{
	struct vm vm;

	need_flag(&vm);
	if (!vm_cap(vm.fd, CAP_MEMORY_FAULT_INFO))
		ktap_fail("expected KVM_CAP_MEMORY_FAULT_INFO beside KVM_CAP_EXIT_ON_MISSING, got 0");
}

static const struct check checks[] = {
	{ "system_and_vm_agree", system_and_vm_agree },
	{ "flag_accepted", flag_accepted },
	{ "flag_accepted_by_first_ioctl", flag_accepted_by_first_ioctl },
	{ "flag_accepted_with_dirty_log", flag_accepted_with_dirty_log },
	{ "flag_refused", flag_refused },
	{ "flag_refused_with_readonly", flag_refused_with_readonly },
	{ "enable_cap_refused", enable_cap_refused },
	{ "memory_fault_info_too", memory_fault_info_too },
	{ "undefined_flags_refused", undefined_flags_refused },
};

int main(void)
{
	return ktap_main("capabilities", checks, ARRAY_SIZE(checks), tell_caps);
}
