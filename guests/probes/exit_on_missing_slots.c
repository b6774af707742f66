// SPDX-License-Identifier: GPL-2.0-only
/* KVM_MEM_EXIT_ON_MISSING on slots that come and go, change, and stand beside others. */
#include <errno.h>
#include <string.h>

#include "ktap.h"
#include "scene.h"

static void unflagged_read_just_works(void)
{
	struct scene scene;

	scene_set(&scene, 0, ACCESS_READ);
	scene_expect_no_exit(&scene, 0);
}

static void unflagged_write_just_works(void)
{
	struct scene scene;

	scene_set(&scene, 0, ACCESS_WRITE);
	scene_expect_no_exit(&scene, SCENE_VALUE);
}

static void only_flagged_slots_exit(void)
{
	struct scene scene, plain;
	int error;

	scene_set_missing(&scene, ACCESS_WRITE);
	plain = scene;
	plain.slot = vm_memory(GUEST_FIRST_SLOT + 1, guest_free_gpa + 2 * scene.slot.size, SCENE_PAGES);
	error = vm_set_slot(&plain.vm, &plain.slot, 0);
	if (error)
		ktap_fail("cannot add a slot: %s", strerror(error));

	scene_run_into_missing(&scene);
	scene_aim(&plain, ACCESS_WRITE, SCENE_PAGE);
	scene_expect_no_exit(&plain, SCENE_VALUE);
	scene_aim(&scene, ACCESS_READ, SCENE_PAGE);
	scene_run_into_missing(&scene);
}

/* Change a live slot. False if the kernel does not let us, as it may. */
static bool changed(struct scene *scene, const struct slot *slot, uint32_t flags, const char *what)
{
	int error = vm_set_slot(&scene->vm, slot, flags);

	if (error && error != EINVAL)
		ktap_fail("%s: expected success or EINVAL, got %s", what, strerror(error));
	return !error;
}

static void need_capability(void)
{
	struct vm vm;

	vm_create(&vm, VM_TYPE_DEFAULT);
	scene_need_capability(&vm);
}

/* No WARN on the way either, which the host finds in the kernel's log. */
static void set_on_live_slot(void)
{
	struct scene scene;

	need_capability();
	scene_set(&scene, 0, ACCESS_WRITE);
	scene_expect_no_exit(&scene, SCENE_VALUE);
	if (!changed(&scene, &scene.slot, MEM_EXIT_ON_MISSING,
		     "setting KVM_MEM_EXIT_ON_MISSING on a live slot")) {
		scene_aim(&scene, ACCESS_WRITE, SCENE_PAGES - 1);
		scene_expect_no_exit(&scene, SCENE_VALUE);
		return;
	}

	/* What the guest has used before is still there for it. */
	scene_aim(&scene, ACCESS_READ, SCENE_PAGE);
	scene_expect_value(&scene, "the guest", SCENE_VALUE, scene_run_to_report(&scene));
	scene_aim(&scene, ACCESS_WRITE, SCENE_PAGES - 1);
	scene_run_into_missing(&scene);
}

/* While the guest waits for a page. */
static void cleared_on_live_slot(void)
{
	struct scene scene;

	scene_set_missing(&scene, ACCESS_WRITE);
	scene_run_into_missing(&scene);
	if (changed(&scene, &scene.slot, 0, "clearing KVM_MEM_EXIT_ON_MISSING on a live slot"))
		scene_expect_no_exit(&scene, SCENE_VALUE);
	else
		scene_run_into_missing(&scene);
}

static void set_slot(struct scene *scene, const struct slot *slot, uint32_t flags, const char *what)
{
	int error = vm_set_slot(&scene->vm, slot, flags);

	if (error)
		ktap_fail("cannot %s: %s", what, strerror(error));
}

static void delete_slot(struct scene *scene)
{
	struct slot gone = scene->slot;

	gone.size = 0;
	set_slot(scene, &gone, 0, "delete a slot");
}

static void expect_mmio(struct scene *scene, const char *where)
{
	struct vm_exit exit = vm_run_briefly(&scene->vm);

	if (exit.error || exit.reason != KVM_EXIT_MMIO)
		ktap_fail("%s of %#llx: expected KVM_EXIT_MMIO since the slot is %s, got: %s",
			  access_name(scene->access), (unsigned long long)scene->gpa, where,
			  vm_describe(&exit));
}

static void deleted_while_parked(void)
{
	struct scene scene;

	scene_set_missing(&scene, ACCESS_WRITE);
	scene_run_into_missing(&scene);
	delete_slot(&scene);
	expect_mmio(&scene, "gone");
}

/* Other memory in its place: what was looked up before must not be used. */
static void replaced_while_parked(void)
{
	struct scene scene;

	scene_set_missing(&scene, ACCESS_READ);
	scene_run_into_missing(&scene);
	delete_slot(&scene);
	scene.slot = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, SCENE_PAGES);
	set_slot(&scene, &scene.slot, MEM_EXIT_ON_MISSING, "add a slot");
	scene.hva = vm_hva(&scene.slot, scene.gpa);
	scene_run_into_missing(&scene);
	scene_put_value(scene.hva, SCENE_VALUE);
	scene_expect_progress(&scene, "the new memory had the page", SCENE_VALUE);
}

/* Away from the guest that waits for a page of it; its pages are still missing where it is now. */
static void moved_while_parked(void)
{
	struct vm_exit exit;
	struct scene scene;
	struct slot moved;

	scene_set_missing(&scene, ACCESS_WRITE);
	scene_run_into_missing(&scene);
	moved = scene.slot;
	moved.gpa += 4 * moved.size;
	if (!changed(&scene, &moved, MEM_EXIT_ON_MISSING, "moving a slot with KVM_MEM_EXIT_ON_MISSING")) {
		scene_run_into_missing(&scene);
		return;
	}
	expect_mmio(&scene, "elsewhere");
	scene.slot = moved;
	scene_aim(&scene, ACCESS_WRITE, SCENE_PAGE);
	exit = scene_run_into_missing(&scene);
	scene_provide(&scene, &exit);
	scene_expect_served(&scene);
}

/* Whatever has the number of a slot that is gone does not have its flag. */
static void flag_goes_with_the_slot(void)
{
	struct scene scene;

	scene_set_missing(&scene, ACCESS_WRITE);
	scene_run_into_missing(&scene);
	delete_slot(&scene);
	set_slot(&scene, &scene.slot, 0, "add a slot");
	scene_expect_no_exit(&scene, SCENE_VALUE);
}

/* A guest that has found nothing there before finds a missing page. */
static void added_later(void)
{
	struct slot missing;
	struct scene scene;

	scene_set_missing(&scene, ACCESS_WRITE);
	missing = vm_memory(GUEST_FIRST_SLOT + 1, guest_free_gpa + 2 * scene.slot.size, SCENE_PAGES);
	scene.slot = missing;
	scene_aim(&scene, ACCESS_WRITE, SCENE_PAGE);
	expect_mmio(&scene, "not there yet");
	scene_aim(&scene, ACCESS_WRITE, SCENE_PAGE);
	expect_mmio(&scene, "not there yet");
	set_slot(&scene, &missing, MEM_EXIT_ON_MISSING, "add a slot");
	scene_aim(&scene, ACCESS_WRITE, SCENE_PAGE);
	scene_run_into_missing(&scene);
	scene_expect_served(&scene);
}

static const struct check checks[] = {
	{ "unflagged_read_just_works", unflagged_read_just_works },
	{ "unflagged_write_just_works", unflagged_write_just_works },
	{ "only_flagged_slots_exit", only_flagged_slots_exit },
	{ "set_on_live_slot", set_on_live_slot },
	{ "cleared_on_live_slot", cleared_on_live_slot },
	{ "deleted_while_parked", deleted_while_parked },
	{ "replaced_while_parked", replaced_while_parked },
	{ "moved_while_parked", moved_while_parked },
	{ "flag_goes_with_the_slot", flag_goes_with_the_slot },
	{ "added_later", added_later },
};

int main(void)
{
	return ktap_main("exit_on_missing_slots", checks, ARRAY_SIZE(checks), NULL);
}
