// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_CAP_MEMORY_FAULT_INFO does not promise that every EFAULT comes with a
 * memory_fault. It does for accesses to private memory that KVM cannot serve,
 * two of which depend on nothing but what is set up here. And what is told has to
 * be right wherever it is told.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "ktap.h"
#include "scene.h"

#define PAGES	4

static const enum access accesses[] = { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

static void need_capability(int kvm)
{
	vm_need_cap(kvm, CAP_MEMORY_FAULT_INFO, "KVM_CAP_MEMORY_FAULT_INFO");
}

static unsigned long private_vm_type(void)
{
	int kvm = vm_open_kvm();
	unsigned long type;

	need_capability(kvm);
	if (!guest_private_vm_type(kvm, &type))
		ktap_skip("no type of VM here has private memory");
	return type;
}

/* Access private memory that has no backing, with a shared slot in its place or nothing. */
static void expect_private_fault(unsigned long type, bool shared_slot, enum access access)
{
	struct slot memory = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, PAGES);
	const struct expected_fault expected = {
		.access = access,
		.gpa = memory.gpa + vm_page_size(),
		.private = true,
		.within = &memory,
	};
	struct vm_exit exit;
	struct vm vm;
	int error;

	guest_create(&vm, type);
	if (shared_slot) {
		error = vm_set_slot(&vm, &memory, 0);
		if (error)
			ktap_fail("cannot add a slot: %s", strerror(error));
	}
	error = vm_set_private(&vm, memory.gpa, memory.size, true);
	if (error)
		ktap_fail("cannot make memory private: %s", strerror(error));

	guest_access(&vm, access, expected.gpa, 0);
	exit = vm_run_briefly(&vm);
	expect_memory_fault(&exit, &expected);
}

static void private_access_without_slot(void)
{
	unsigned long type = private_vm_type();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(accesses); i++)
		expect_private_fault(type, false, accesses[i]);
}

static void private_access_to_shared_slot(void)
{
	unsigned long type = private_vm_type();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(accesses); i++)
		expect_private_fault(type, true, accesses[i]);
}

static void protect(const struct scene *scene, int protection)
{
	if (mprotect(scene_page(scene), vm_page_size(), protection))
		ktap_fail("mprotect: %s", strerror(errno));
}

/* Without any flag. A bare EFAULT is legal, a memory_fault that misleads is not. */
static void expect_truth(enum access access)
{
	struct vm_exit exit;
	struct scene scene;

	scene_set(&scene, 0, access);
	protect(&scene, PROT_NONE);
	exit = vm_run_briefly(&scene.vm);
	if (exit.error != EFAULT)
		ktap_fail("%s of a protected page: expected EFAULT, got: %s", access_name(access), vm_describe(&exit));
	if (exit.has_fault)
		scene_expect_missing(&scene, &exit);

	protect(&scene, PROT_READ | PROT_WRITE);
	if (access == ACCESS_FETCH)
		guest_put_code(scene.hva, SCENE_VALUE);
	else
		scene_put_value(scene.hva, SCENE_VALUE);
	scene_expect_no_exit(&scene, SCENE_VALUE);
}

static void what_is_told_of_a_protected_page_is_right(void)
{
	size_t i;

	need_capability(vm_open_kvm());
	for (i = 0; i < ARRAY_SIZE(accesses); i++)
		expect_truth(accesses[i]);
}

static const struct check checks[] = {
	{ "private_access_without_slot", private_access_without_slot },
	{ "private_access_to_shared_slot", private_access_to_shared_slot },
	{ "what_is_told_of_a_protected_page_is_right", what_is_told_of_a_protected_page_is_right },
};

int main(void)
{
	return ktap_main("memory_fault_info", checks, ARRAY_SIZE(checks), NULL);
}
