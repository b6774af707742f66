// SPDX-License-Identifier: GPL-2.0-only
/* KVM_MEM_USERFAULT on slots that change, move, come and go, and have their writes logged. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "held.h"
#include "ktap.h"

#define LOGGED		(KVM_MEM_LOG_DIRTY_PAGES | MEM_USERFAULT)
#define TOGGLES		8

static struct slot memory_of_held_pages(void)
{
	held_need_capability();
	return vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, HELD_PAGES);
}

static void set_slot(struct held *held, const struct slot *slot, uint32_t flags, const char *what)
{
	int error = held_set_slot(&held->scene.vm, slot, flags, held->bitmap);

	if (error)
		ktap_fail("cannot %s: %s", what, strerror(error));
}

static void expect_value_there(struct held *held, unsigned int page)
{
	scene_aim(&held->scene, ACCESS_READ, page);
	held_expect_served(held, SCENE_VALUE);
}

/* What the guest has used before is held as well, and is what it was once released. */
static void set_on_live_slot(void)
{
	struct slot memory = memory_of_held_pages();
	struct held held;

	held_set_unflagged(&held, &memory, ACCESS_WRITE);
	held_use(&held, ACCESS_WRITE, SCENE_PAGE);
	held_set_bits(&held, SCENE_PAGE + 1, 1, false);
	held_change(&held, MEM_USERFAULT);
	held_use(&held, ACCESS_WRITE, SCENE_PAGE + 1);
	expect_value_there(&held, SCENE_PAGE);
	held_expect_held(&held, ACCESS_WRITE, SCENE_PAGE + 2);
}

/* While the guest waits, and with all bits still set. */
static void cleared_on_live_slot(void)
{
	struct held held;

	held_set(&held, ACCESS_WRITE);
	held_run_into(&held);
	held_change(&held, 0);
	held_use(&held, ACCESS_WRITE, SCENE_PAGE);
	scene_expect_value(&held.scene, "user space", SCENE_VALUE, scene_value_at(held.scene.hva));
	held_use(&held, ACCESS_READ, SCENE_PAGE + 1);
}

/* A bit that is set late may take effect at once, and has to from the next change of the flag on. */
static void late_bit_counts_from_the_next_change(void)
{
	struct held held;
	int i;

	held_set(&held, ACCESS_WRITE);
	held_expect_served(&held, SCENE_VALUE);
	for (i = 0; i < TOGGLES; i++) {
		held_set_bits(&held, SCENE_PAGE, 1, true);
		held_change(&held, 0);
		held_use(&held, ACCESS_WRITE, SCENE_PAGE);
		held_change(&held, MEM_USERFAULT);
		expect_value_there(&held, SCENE_PAGE);
	}
}

static void expect_mmio(struct held *held, const char *where)
{
	struct vm_exit exit = vm_run_briefly(&held->scene.vm);

	if (exit.error || exit.reason != KVM_EXIT_MMIO)
		ktap_fail("%s of %#llx: expected KVM_EXIT_MMIO since the slot is %s, got: %s",
			  access_name(held->scene.access), (unsigned long long)held->scene.gpa, where,
			  vm_describe(&exit));
}

/* And one without the flag has none. */
static void each_slot_has_its_bitmap(void)
{
	struct held held, other, plain;
	int error;

	held_set(&held, ACCESS_WRITE);
	other = plain = held;
	other.scene.slot = vm_memory(GUEST_FIRST_SLOT + 1, guest_free_gpa + 2 * held.scene.slot.size, HELD_PAGES);
	held_new_bitmap(&other, &other.scene.slot);
	held_set_all(&other, false);
	held_set_bits(&other, SCENE_PAGE + 1, 1, true);
	set_slot(&other, &other.scene.slot, MEM_USERFAULT, "add another slot with KVM_MEM_USERFAULT");
	plain.scene.slot = vm_memory(GUEST_FIRST_SLOT + 2, guest_free_gpa + 4 * held.scene.slot.size, HELD_PAGES);
	error = vm_set_slot(&plain.scene.vm, &plain.scene.slot, 0);
	if (error)
		ktap_fail("cannot add a slot: %s", strerror(error));

	held_use(&other, ACCESS_WRITE, SCENE_PAGE);
	held_expect_held(&other, ACCESS_WRITE, SCENE_PAGE + 1);
	held_expect_held(&held, ACCESS_WRITE, SCENE_PAGE);
	held_set_bits(&held, SCENE_PAGE + 1, 1, false);
	held_use(&held, ACCESS_WRITE, SCENE_PAGE + 1);
	held_use(&plain, ACCESS_WRITE, SCENE_PAGE);
}

/* By less than a word of the bitmap has pages, away from the guest that waits; bits go with their pages. */
static void moved_while_parked(void)
{
	struct held held;
	struct slot moved;
	int error;

	held_set(&held, ACCESS_WRITE);
	held_run_into(&held);
	moved = held.scene.slot;
	moved.gpa += (HELD_PAGES + 7) * vm_page_size();
	error = held_set_slot(&held.scene.vm, &moved, MEM_USERFAULT, held.bitmap);
	if (error == EINVAL) {
		held_run_into(&held);
		return;
	}
	if (error)
		ktap_fail("moving a slot with KVM_MEM_USERFAULT: expected success or EINVAL, got %s", strerror(error));
	expect_mmio(&held, "elsewhere");

	held.scene.slot = moved;
	held_set_all(&held, false);
	held_set_bits(&held, SCENE_PAGE, 1, true);
	held_use(&held, ACCESS_WRITE, SCENE_PAGE - 1);
	held_use(&held, ACCESS_WRITE, SCENE_PAGE + 1);
	held_use(&held, ACCESS_WRITE, SCENE_PAGE + 7);
	held_expect_held(&held, ACCESS_WRITE, SCENE_PAGE);
	held_expect_served(&held, SCENE_VALUE);
}

static void delete_slot(struct held *held)
{
	struct slot gone = held->scene.slot;

	gone.size = 0;
	set_slot(held, &gone, 0, "delete a slot");
}

/* Whatever has the number of a slot that is gone has neither its flag nor its bitmap. */
static void deleted_while_parked(void)
{
	struct held held;

	held_set(&held, ACCESS_WRITE);
	held_run_into(&held);
	delete_slot(&held);
	expect_mmio(&held, "gone");
	set_slot(&held, &held.scene.slot, 0, "add a slot");
	held_use(&held, ACCESS_WRITE, SCENE_PAGE);
	delete_slot(&held);

	held_new_bitmap(&held, &held.scene.slot);
	held_set_bits(&held, SCENE_PAGE + 1, 1, false);
	set_slot(&held, &held.scene.slot, MEM_USERFAULT, "add a slot with another bitmap");
	held_use(&held, ACCESS_WRITE, SCENE_PAGE + 1);
	held_expect_held(&held, ACCESS_WRITE, SCENE_PAGE);
}

static void expect_logged(struct held *held, unsigned int page)
{
	uint64_t bitmap[HELD_PAGES / 64 + 1] = { 0 };
	struct kvm_dirty_log log = { .slot = held->scene.slot.id, .dirty_bitmap = bitmap };

	if (ioctl(held->scene.vm.fd, KVM_GET_DIRTY_LOG, &log))
		ktap_fail("KVM_GET_DIRTY_LOG: %s", strerror(errno));
	if (!(bitmap[page / 64] >> page % 64 & 1))
		ktap_fail("expected page %u, which the guest wrote, in the dirty log, which has %#llx", page,
			  (unsigned long long)bitmap[0]);
}

static void write_held_page(struct held *held, unsigned int page)
{
	scene_aim(&held->scene, ACCESS_WRITE, page);
	held_expect_served(held, SCENE_VALUE);
}

static void dirty_log_has_what_was_written(void)
{
	struct slot memory = memory_of_held_pages();
	struct held held;

	held_set_in(&held, &memory, KVM_MEM_LOG_DIRTY_PAGES, ACCESS_WRITE);
	write_held_page(&held, SCENE_PAGE);
	expect_logged(&held, SCENE_PAGE);

	/* The log is empty now, and the page write-protected in the guest's eyes. */
	held_use(&held, ACCESS_WRITE, SCENE_PAGE);
	expect_logged(&held, SCENE_PAGE);
}

/* Either way, KVM_MEM_USERFAULT stays what it is. */
static void logging_switched_on_and_off(void)
{
	struct held held;

	held_set(&held, ACCESS_WRITE);
	write_held_page(&held, SCENE_PAGE);
	held_change(&held, LOGGED);
	held_use(&held, ACCESS_WRITE, SCENE_PAGE);
	expect_logged(&held, SCENE_PAGE);
	write_held_page(&held, SCENE_PAGE + 1);
	expect_logged(&held, SCENE_PAGE + 1);
	held_change(&held, MEM_USERFAULT);
	held_use(&held, ACCESS_WRITE, SCENE_PAGE);
	write_held_page(&held, SCENE_PAGE + 2);
}

static void expect_change_while_logging(void)
{
	struct slot memory = memory_of_held_pages();
	struct held held;

	held_set_in(&held, &memory, KVM_MEM_LOG_DIRTY_PAGES, ACCESS_WRITE);
	write_held_page(&held, SCENE_PAGE);
	expect_logged(&held, SCENE_PAGE);
	held_change(&held, KVM_MEM_LOG_DIRTY_PAGES);
	held_use(&held, ACCESS_WRITE, SCENE_PAGE + 1);
	expect_logged(&held, SCENE_PAGE + 1);
	held_use(&held, ACCESS_WRITE, SCENE_PAGE);
	expect_logged(&held, SCENE_PAGE);

	held_set_all(&held, true);
	held_change(&held, LOGGED);
	write_held_page(&held, SCENE_PAGE);
	expect_logged(&held, SCENE_PAGE);
}

/* Both flags in one go, there and back. */
static void expect_change_along_with_logging(void)
{
	struct slot memory = memory_of_held_pages();
	struct held held;

	held_set_unflagged(&held, &memory, ACCESS_WRITE);
	held_use(&held, ACCESS_WRITE, SCENE_PAGE);
	held_change(&held, LOGGED);
	write_held_page(&held, SCENE_PAGE);
	expect_logged(&held, SCENE_PAGE);
	held_change(&held, 0);
	held_use(&held, ACCESS_WRITE, SCENE_PAGE + 1);
}

/* No WARN on the way either, which the host finds in the kernel's log. */
static void changed_while_logging(void)
{
	expect_change_while_logging();
	expect_change_along_with_logging();
}

static const struct check checks[] = {
	{ "set_on_live_slot", set_on_live_slot },
	{ "cleared_on_live_slot", cleared_on_live_slot },
	{ "late_bit_counts_from_the_next_change", late_bit_counts_from_the_next_change },
	{ "each_slot_has_its_bitmap", each_slot_has_its_bitmap },
	{ "moved_while_parked", moved_while_parked },
	{ "deleted_while_parked", deleted_while_parked },
	{ "dirty_log_has_what_was_written", dirty_log_has_what_was_written },
	{ "logging_switched_on_and_off", logging_switched_on_and_off },
	{ "changed_while_logging", changed_while_logging },
};

int main(void)
{
	return ktap_main("kvm_userfault_slots", checks, ARRAY_SIZE(checks), NULL);
}
