// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_MEM_EXIT_ON_MISSING: whatever kind of access finds a page missing, it ends
 * KVM_RUN with a memory fault that says where, and nothing is mapped.
 */
#include <string.h>

#include "ktap.h"
#include "scene.h"

/* Unresolved, the access fails for as long as the guest tries, at the same instruction. */
static void expect_exits(enum access access)
{
	struct scene scene;
	uint64_t pc;

	scene_set_missing(&scene, access);
	scene_run_into_missing(&scene);
	pc = guest_pc(&scene.vm);
	scene_run_into_missing(&scene);
	if (guest_pc(&scene.vm) != pc)
		ktap_fail("%s of %#llx: expected the guest to stay at %#llx until the page is there, but it is at %#llx",
			  access_name(access), (unsigned long long)scene.gpa,
			  (unsigned long long)pc, (unsigned long long)guest_pc(&scene.vm));
}

static void read_exits(void)
{
	expect_exits(ACCESS_READ);
}

static void write_exits(void)
{
	expect_exits(ACCESS_WRITE);
}

static void fetch_exits(void)
{
	expect_exits(ACCESS_FETCH);
}

static void atomic_exits(void)
{
	expect_exits(ACCESS_ATOMIC);
}

static void atomic_resumes(void)
{
	struct vm_exit exit;
	struct scene scene;

	scene_set_missing(&scene, ACCESS_ATOMIC);
	exit = scene_run_into_missing(&scene);
	scene_provide(&scene, &exit);
	scene_put_value(scene.hva, 7);
	scene_expect_value(&scene, "the guest", 7, scene_run_to_report(&scene));
	scene_expect_value(&scene, "user space", SCENE_VALUE + 7, scene_value_at(scene.hva));
}

/* Either page may come first, or one exit may tell of both, before the guest is through. */
static void crossing(enum access access)
{
	uint64_t second, half = sizeof(uint32_t) / 2;
	bool told_first = false, told_second = false;
	struct vm_exit exit;
	struct scene scene;
	uint32_t value;
	int i;

	scene_set_missing(&scene, access);
	second = scene.slot.gpa + (SCENE_PAGE + 1) * vm_page_size();
	scene_aim_at(&scene, access, second - half);

	for (i = 0; i < 20; i++) {
		exit = vm_run_briefly(&scene.vm);
		if (guest_reported(&scene.vm, &exit, &value))
			break;
		scene.gpa = exit.has_fault && exit.gpa >= second ? second : second - half;
		scene_expect_missing(&scene, &exit);
		scene_provide(&scene, &exit);
		told_first = scene_has_provided(&scene, SCENE_PAGE);
		told_second = scene_has_provided(&scene, SCENE_PAGE + 1);
		if (access == ACCESS_READ && told_first && told_second)
			scene_put_value(scene.hva, SCENE_VALUE);
	}
	if (i == 20)
		ktap_fail("%s across %#llx: expected the guest to go on once both pages were there, got: %s",
			  access_name(access), (unsigned long long)second, vm_describe(&exit));
	if (!told_first || !told_second)
		ktap_fail("%s across %#llx: expected to be told of both pages, and was not of the %s",
			  access_name(access), (unsigned long long)second, told_first ? "second" : "first");
	scene_expect_value(&scene, "the guest", SCENE_VALUE, value);
	scene_expect_value(&scene, "user space", SCENE_VALUE, scene_value_at(scene.hva));
}

static void page_crossing_exits_for_both(void)
{
	crossing(ACCESS_READ);
	crossing(ACCESS_WRITE);
}

static void table_walk_exits(void)
{
	struct vm_exit exit;
	struct scene scene;
	struct slot data;
	int error;

	scene_set_missing(&scene, ACCESS_READ);
	/* What the table leads to lies in a slot without the flag: the table alone is missing. */
	data = vm_memory(GUEST_FIRST_SLOT + 1, guest_free_gpa + 2 * scene.slot.size, 1);
	scene_put_value(data.hva + SCENE_OFFSET, SCENE_VALUE);
	error = vm_set_slot(&scene.vm, &data, 0);
	if (error)
		ktap_fail("cannot add a slot: %s", strerror(error));

	scene.access = ACCESS_WALK;
	scene.gpa = scene.slot.gpa + SCENE_PAGE * vm_page_size();
	scene.hva = vm_hva(&scene.slot, scene.gpa);
	guest_read_through(&scene.vm, scene.gpa, SCENE_OFFSET);
	exit = scene_run_into_missing(&scene);
	scene_provide(&scene, &exit);
	guest_put_table(scene.hva, data.gpa);
	scene_expect_value(&scene, "the guest", SCENE_VALUE, scene_run_to_report(&scene));
}

/* Where a guest that says so with an address of its own, and a number of 32 bits, would be wrong. */
static void far_page_exits(void)
{
	struct slot memory = vm_memory(GUEST_FIRST_SLOT, guest_far_gpa, SCENE_PAGES);
	struct scene scene;

	scene_set_missing(&scene, ACCESS_WRITE);
	scene_set_in(&scene, &memory, MEM_EXIT_ON_MISSING, ACCESS_WRITE);
	guest_access_translated(&scene.vm, ACCESS_WRITE, scene.gpa, SCENE_VALUE);
	scene_run_into_missing(&scene);
	scene_expect_served(&scene);
}

/* In a VM of its own each: KVM does not take a vCPU's CPUID once it has run. */
static void set_nested(struct scene *scene, enum access access)
{
	scene_set_missing(scene, access);
	guest_access_nested(&scene->vm, access, scene->gpa, SCENE_VALUE);
}

/* What a guest of the guest's accesses is the guest's memory, too. */
static void nested_guest_exits(void)
{
	struct scene scene;

	set_nested(&scene, ACCESS_WRITE);
	scene_run_into_missing(&scene);
	scene_expect_served(&scene);

	set_nested(&scene, ACCESS_READ);
	scene_run_into_missing(&scene);
	scene_put_value(scene.hva, ~SCENE_VALUE);
	scene_expect_progress(&scene, "user space had written the page", ~SCENE_VALUE);
}

static void interrupted(struct scene *scene)
{
	uint64_t top;

	scene_set_missing(scene, ACCESS_WRITE);
	top = scene->slot.gpa + (SCENE_PAGE + 1) * vm_page_size();
	scene->access = ACCESS_PUSH;
	scene->gpa = top - sizeof(uint32_t);
	scene->hva = vm_hva(&scene->slot, scene->gpa);
	guest_interrupt(&scene->vm, top);
}

static void interrupt_is_not_lost(void)
{
	struct vm_exit exit;
	struct scene scene;

	interrupted(&scene);
	exit = scene_run_into_missing(&scene);
	scene_provide(&scene, &exit);
	scene_expect_value(&scene, "one interrupt: the guest", 1, scene_run_to_report(&scene));
}

/* Parked in the midst of an interrupt, saved, and resumed in a VM with the same memory. */
static void parked_vcpu_can_move(void)
{
	struct scene scene, other;
	struct vm_exit exit;

	interrupted(&scene);
	exit = scene_run_into_missing(&scene);
	scene_provide(&scene, &exit);

	scene_set_in(&other, &scene.slot, MEM_EXIT_ON_MISSING, ACCESS_WRITE);
	other.access = ACCESS_PUSH;
	other.gpa = scene.gpa;
	guest_move(&scene.vm, &other.vm);
	scene_expect_value(&other, "one interrupt, in another VM: the guest", 1,
			   scene_run_to_report(&other));
}

static const struct check checks[] = {
	{ "read_exits", read_exits },
	{ "write_exits", write_exits },
	{ "fetch_exits", fetch_exits },
	{ "atomic_exits", atomic_exits },
	{ "atomic_resumes", atomic_resumes },
	{ "page_crossing_exits_for_both", page_crossing_exits_for_both },
	{ "table_walk_exits", table_walk_exits },
	{ "far_page_exits", far_page_exits },
	{ "nested_guest_exits", nested_guest_exits },
	{ "interrupt_is_not_lost", interrupt_is_not_lost },
	{ "parked_vcpu_can_move", parked_vcpu_can_move },
};

int main(void)
{
	return ktap_main("exit_on_missing_access", checks, ARRAY_SIZE(checks), NULL);
}
