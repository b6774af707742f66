// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_MEM_EXIT_ON_MISSING is about the guest's accesses. Those that KVM makes
 * itself cannot wait for user space: they fault the page in, as without the flag.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backing.h"
#include "ktap.h"
#include "scene.h"

static void expect_report(struct scene *scene, const char *what, uint32_t expected)
{
	struct vm_exit exit = vm_run_briefly(&scene->vm);
	uint32_t value;

	if (!guest_reported(&scene->vm, &exit, &value))
		ktap_fail("%s in a missing page: expected KVM to fault it in, got: %s",
			  what, vm_describe(&exit));
	if (value != expected)
		ktap_fail("%s in a missing page: expected the guest to report %#x, got %#x",
			  what, expected, value);
}

static void string_output_works(void)
{
	struct scene scene;

	scene_set_missing(&scene, ACCESS_READ);
	guest_string_out(&scene.vm, scene.gpa);
	expect_report(&scene, "string output", 0);
}

/* KVM looks the address up itself, in a table that is in the page cache and not mapped. */
static void string_output_through_a_table_works(void)
{
	uint8_t *table = calloc(1, vm_page_size());
	struct slot memory, data;
	struct scene scene;
	int file, error;

	scene_set_missing(&scene, ACCESS_READ);
	memory = backing_shmem(GUEST_FIRST_SLOT, guest_free_gpa, SCENE_PAGES * vm_page_size(), &file);
	data = vm_memory(GUEST_FIRST_SLOT + 1, guest_free_gpa + 2 * memory.size, 1);
	scene_put_value(data.hva + SCENE_OFFSET, SCENE_VALUE);
	guest_put_table(table, data.gpa);
	if (pwrite(file, table, vm_page_size(), SCENE_PAGE * vm_page_size()) < 0)
		ktap_fail("cannot write to a memfd");
	scene_set_in(&scene, &memory, MEM_EXIT_ON_MISSING, ACCESS_READ);
	error = vm_set_slot(&scene.vm, &data, 0);
	if (error)
		ktap_fail("cannot add a slot: %s", strerror(error));
	guest_string_out_through(&scene.vm, scene.gpa - SCENE_OFFSET, SCENE_OFFSET);
	expect_report(&scene, "string output through a table", SCENE_VALUE);
}

static void string_input_works(void)
{
	struct vm_exit exit;
	struct scene scene;

	scene_set_missing(&scene, ACCESS_WRITE);
	guest_string_in(&scene.vm, scene.gpa);
	exit = vm_run_briefly(&scene.vm);
	if (!guest_give_input(&scene.vm, &exit, SCENE_VALUE))
		ktap_fail("string input: expected the guest to ask for it, got: %s", vm_describe(&exit));
	expect_report(&scene, "string input", SCENE_VALUE);
	scene_expect_value(&scene, "user space", SCENE_VALUE, scene_value_at(scene.hva));
}

/* Have the guest do anything, so that the vCPU gets to run. */
static void run_elsewhere(struct scene *scene)
{
	scene_aim(scene, ACCESS_READ, 0);
	scene_put_value(scene->hva, SCENE_VALUE);
	scene_expect_progress(scene, "user space had written the page", SCENE_VALUE);
}

static void clock_works(void)
{
	struct scene scene;
	uint8_t *clock;

	scene_set_missing(&scene, ACCESS_READ);
	clock = scene.hva;
	guest_keep_clock(&scene.vm, scene.gpa);
	run_elsewhere(&scene);
	if (!guest_clock_was_kept(clock))
		ktap_fail("expected KVM to keep its clock in a page that was missing, which is %s",
			  vm_is_mapped(clock) ? "there, and has none" : "still missing");
}

static void steal_time_works(void)
{
	struct scene scene;
	uint8_t *account;

	scene_set_missing(&scene, ACCESS_READ);
	account = scene.hva;
	guest_keep_steal_time(&scene.vm, scene.gpa);
	run_elsewhere(&scene);
	if (!guest_steal_time_was_kept(account))
		ktap_fail("expected KVM to account for stolen time in a page that was missing");
}

static void control_page_works(void)
{
	struct scene scene;
	uint64_t page;

	scene_set_missing(&scene, ACCESS_READ);
	page = scene.gpa - SCENE_OFFSET;
	guest_map_control_page(&scene.vm, page);
	expect_report(&scene, "a control page", page);
	if (!guest_control_page_was_used(scene_page(&scene)))
		ktap_fail("expected KVM to write the outcome to a control page that was missing");
}

static const struct check checks[] = {
	{ "string_output_works", string_output_works },
	{ "string_output_through_a_table_works", string_output_through_a_table_works },
	{ "string_input_works", string_input_works },
	{ "clock_works", clock_works },
	{ "steal_time_works", steal_time_works },
	{ "control_page_works", control_page_works },
};

int main(void)
{
	return ktap_main("exit_on_missing_own_access", checks, ARRAY_SIZE(checks), NULL);
}
