// SPDX-License-Identifier: GPL-2.0-only
/* KVM_MEM_EXIT_ON_MISSING on every kind of memory that user space can put behind a slot. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "backing.h"
#include "ktap.h"
#include "scene.h"

static void need_capability(void)
{
	struct vm vm;

	vm_create(&vm, VM_TYPE_DEFAULT);
	scene_need_capability(&vm);
}

/* A write to missing memory, which is provided. */
static void expect_write_served(struct scene *scene, const struct slot *memory)
{
	struct vm_exit exit;

	scene_set_in(scene, memory, MEM_EXIT_ON_MISSING, ACCESS_WRITE);
	exit = scene_run_into_missing(scene);
	scene_provide(scene, &exit);
	scene_expect_served(scene);
}

/* A read elsewhere in it, of what user space has written. */
static void expect_read_served(struct scene *scene)
{
	scene_aim(scene, ACCESS_READ, SCENE_PAGES - 1);
	if (vm_populate(&scene->slot, scene->gpa - SCENE_OFFSET, vm_page_size()))
		ktap_fail("cannot populate the last page");
	scene_put_value(scene->hva, ~SCENE_VALUE);
	scene_expect_value(scene, "the guest", ~SCENE_VALUE, scene_run_to_report(scene));
}

/* Not even the file has got the page by the exit: its other users would see it come. */
static void shmem_is_served(void)
{
	struct scene scene;
	struct slot memory;
	unsigned char there;
	int fd;

	need_capability();
	memory = backing_shmem(GUEST_FIRST_SLOT, guest_free_gpa, SCENE_PAGES * vm_page_size(), &fd);
	scene_set_in(&scene, &memory, MEM_EXIT_ON_MISSING, ACCESS_WRITE);
	scene_run_into_missing(&scene);
	if (mincore(scene_page(&scene), vm_page_size(), &there))
		ktap_fail("mincore: %s", strerror(errno));
	if (there & 1)
		ktap_fail("expected the file not to have the page after the exit, but it has");
	scene_expect_served(&scene);
	expect_read_served(&scene);
}

static void hugetlb_is_served(void)
{
	struct scene scene;
	struct slot memory;

	need_capability();
	memory = backing_hugetlb(GUEST_FIRST_SLOT, guest_free_gpa);
	expect_write_served(&scene, &memory);
	expect_read_served(&scene);
}

static void thp_is_served(void)
{
	struct scene scene;
	struct slot memory;

	need_capability();
	memory = backing_thp(GUEST_FIRST_SLOT, guest_free_gpa);
	expect_write_served(&scene, &memory);
	backing_need_thp(&memory);
	expect_read_served(&scene);
}

/* One page taken out of a huge one is missing, and its neighbours are not. */
static void hole_in_thp_exits(void)
{
	struct vm_exit exit;
	struct scene scene;
	struct slot memory;

	need_capability();
	memory = backing_thp(GUEST_FIRST_SLOT, guest_free_gpa);
	if (vm_populate(&memory, memory.gpa, vm_page_size()))
		ktap_fail("cannot populate a page");
	backing_need_thp(&memory);
	scene_set_in(&scene, &memory, MEM_EXIT_ON_MISSING, ACCESS_WRITE);
	scene_run_to_report(&scene);
	if (madvise(scene_page(&scene), vm_page_size(), MADV_DONTNEED))
		ktap_fail("MADV_DONTNEED: %s", strerror(errno));

	scene_aim(&scene, ACCESS_READ, SCENE_PAGE + 1);
	scene_expect_progress(&scene, "another page was taken out of the huge one", 0);
	scene_aim(&scene, ACCESS_READ, SCENE_PAGE);
	exit = scene_run_into_missing(&scene);
	scene_provide(&scene, &exit);
	scene_expect_value(&scene, "the guest", 0, scene_run_to_report(&scene));
}

static void expect_guest_memfd_refused_or_served(unsigned long type)
{
	struct slot memory = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, SCENE_PAGES);
	struct scene scene = { .slot = memory };
	struct vm_exit exit;
	struct vm plain;
	int error;

	vm_create(&plain, type);
	error = vm_set_slot_guest_memfd(&plain, &memory, 0);
	if (error)
		ktap_skip("no slot with a guest_memfd, whatever the other flags: %s", strerror(error));

	guest_create(&scene.vm, type);
	error = vm_set_slot_guest_memfd(&scene.vm, &memory, MEM_EXIT_ON_MISSING);
	if (error == EINVAL)
		return;
	if (error)
		ktap_fail("expected KVM_MEM_EXIT_ON_MISSING with KVM_MEM_GUEST_MEMFD to be accepted or refused with EINVAL, got %s",
			  strerror(error));
	scene_aim(&scene, ACCESS_WRITE, SCENE_PAGE);
	exit = scene_run_into_missing(&scene);
	scene_provide(&scene, &exit);
	scene_expect_served(&scene);
}

/*
 * The headers do not say whether the flag goes together with KVM_MEM_GUEST_MEMFD.
 * It is refused, or kept for what of the slot is shared: the half of it that is no
 * guest_memfd, or a guest_memfd that user space maps.
 */
static void guest_memfd_is_refused_or_served(void)
{
	bool has_private, is_whole;
	unsigned long type;
	struct vm vm;

	need_capability();
	vm_create(&vm, VM_TYPE_DEFAULT);
	has_private = guest_private_vm_type(vm.kvm, &type);
	is_whole = vm_guest_memfd_is_whole(&vm);
	if (!has_private && !is_whole)
		ktap_skip("no type of VM here has private memory, nor a guest_memfd that can be mapped");
	if (has_private)
		expect_guest_memfd_refused_or_served(type);
	if (is_whole)
		expect_guest_memfd_refused_or_served(VM_TYPE_DEFAULT);
}

static volatile sig_atomic_t told_of_poison;

static void take_note(int signal)
{
	(void)signal;
	told_of_poison = 1;
}

/*
 * Poison may look missing to the guest, or raise SIGBUS. What may not be is that
 * the guest goes on, or that user space could take it for a page that it can provide.
 */
static void poison_is_told_from_missing(void)
{
	const struct sigaction action = { .sa_handler = take_note };
	struct vm_exit exit;
	struct scene scene;
	uint32_t value;
	int error;

	scene_set_missing(&scene, ACCESS_READ);
	scene_put_value(scene.hva, SCENE_VALUE);
	/* Whoever poisons a page is told like one who came upon it. */
	sigaction(SIGBUS, &action, NULL);
	if (madvise(scene_page(&scene), vm_page_size(), MADV_HWPOISON))
		ktap_skip("MADV_HWPOISON: %s", strerror(errno));
	exit = vm_run_briefly(&scene.vm);
	if (guest_reported(&scene.vm, &exit, &value))
		ktap_fail("expected a poisoned page to stop the guest, which reads %#x", value);
	if (exit.error == EFAULT) {
		scene_expect_missing(&scene, &exit);
		error = vm_populate(&scene.slot, exit.gpa, exit.size);
		if (!error)
			ktap_fail("expected MADV_POPULATE_WRITE to refuse a poisoned page, but it has provided one");
	} else if (exit.error != EHWPOISON && exit.error != EINTR) {
		ktap_fail("expected EFAULT, EHWPOISON or a signal for a poisoned page, got: %s",
			  vm_describe(&exit));
	}

	told_of_poison = 0;
	scene_aim(&scene, ACCESS_WRITE, SCENE_PAGE + 1);
	exit = vm_run_briefly(&scene.vm);
	if (told_of_poison)
		ktap_fail("expected a page that is missing to raise no SIGBUS, got one, and: %s",
			  vm_describe(&exit));
	scene_expect_missing(&scene, &exit);
	scene_provide(&scene, &exit);
	scene_run_to_report(&scene);
}

static const struct check checks[] = {
	{ "shmem_is_served", shmem_is_served },
	{ "hugetlb_is_served", hugetlb_is_served },
	{ "thp_is_served", thp_is_served },
	{ "hole_in_thp_exits", hole_in_thp_exits },
	{ "guest_memfd_is_refused_or_served", guest_memfd_is_refused_or_served },
	{ "poison_is_told_from_missing", poison_is_told_from_missing },
};

int main(void)
{
	return ktap_main("exit_on_missing_backing", checks, ARRAY_SIZE(checks), NULL);
}
