// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_MEM_EXIT_ON_MISSING with dirty logging and pre-faulting. What the guest has
 * written is logged; what else is logged besides is the kernel's business.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "ktap.h"
#include "scene.h"

#define LOGGED		(KVM_MEM_LOG_DIRTY_PAGES | MEM_EXIT_ON_MISSING)
#define RING_PAGES	16

static void need_capability(void)
{
	struct vm vm;

	vm_create(&vm, VM_TYPE_DEFAULT);
	scene_need_capability(&vm);
}

static uint64_t get_log(struct scene *scene)
{
	uint64_t bitmap = 0;	/* one word is more than SCENE_PAGES bits */
	struct kvm_dirty_log log = { .slot = scene->slot.id, .dirty_bitmap = &bitmap };

	if (ioctl(scene->vm.fd, KVM_GET_DIRTY_LOG, &log))
		ktap_fail("KVM_GET_DIRTY_LOG: %s", strerror(errno));
	return bitmap;
}

static void expect_logged(struct scene *scene, unsigned int page)
{
	uint64_t bitmap = get_log(scene);

	if (!(bitmap >> page & 1))
		ktap_fail("expected page %u, which the guest wrote, in the dirty log, which has %#llx",
			  page, (unsigned long long)bitmap);
}

static void write_a_page(struct scene *scene, unsigned int page)
{
	scene_aim(scene, ACCESS_WRITE, page);
	scene_run_to_report(scene);
}

static void dirty_log_has_what_was_written(void)
{
	struct scene scene;

	need_capability();
	scene_set(&scene, LOGGED, ACCESS_WRITE);
	scene_run_into_missing(&scene);
	write_a_page(&scene, SCENE_PAGE);
	expect_logged(&scene, SCENE_PAGE);

	/* The log is empty now, and the page write-protected in the guest's eyes. */
	write_a_page(&scene, SCENE_PAGE);
	expect_logged(&scene, SCENE_PAGE);

	/* Read first, so that the write finds a translation. */
	scene_aim(&scene, ACCESS_READ, SCENE_PAGE + 1);
	scene_run_to_report(&scene);
	get_log(&scene);
	write_a_page(&scene, SCENE_PAGE + 1);
	expect_logged(&scene, SCENE_PAGE + 1);
}

static void switch_logging(struct scene *scene, bool on)
{
	int error = vm_set_slot(&scene->vm, &scene->slot, on ? LOGGED : MEM_EXIT_ON_MISSING);

	if (error)
		ktap_fail("cannot switch %s dirty logging: %s", on ? "on" : "off", strerror(error));
}

/* KVM_MEM_EXIT_ON_MISSING is still there, too. */
static void logging_switched_on_later(void)
{
	struct scene scene;

	need_capability();
	scene_set_missing(&scene, ACCESS_WRITE);
	write_a_page(&scene, SCENE_PAGE);
	switch_logging(&scene, true);
	write_a_page(&scene, SCENE_PAGE);
	expect_logged(&scene, SCENE_PAGE);
	scene_aim(&scene, ACCESS_WRITE, SCENE_PAGE + 1);
	scene_run_into_missing(&scene);
	write_a_page(&scene, SCENE_PAGE + 1);
	expect_logged(&scene, SCENE_PAGE + 1);
}

static void logging_switched_off_later(void)
{
	struct scene scene;

	need_capability();
	scene_set(&scene, LOGGED, ACCESS_WRITE);
	write_a_page(&scene, SCENE_PAGE);
	switch_logging(&scene, false);
	write_a_page(&scene, SCENE_PAGE);
	scene_aim(&scene, ACCESS_WRITE, SCENE_PAGE + 1);
	scene_run_into_missing(&scene);
	scene_expect_served(&scene);
}

/* A VM with a ring on each vCPU; skips the check where there is none. */
static struct kvm_dirty_gfn *set_ringed(struct scene *scene)
{
	size_t size = RING_PAGES * vm_page_size();
	struct kvm_enable_cap enable = { .args = { size } };
	struct kvm_dirty_gfn *ring;
	int error;

	vm_create(&scene->vm, VM_TYPE_DEFAULT);
	scene_need_capability(&scene->vm);
	enable.cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL;
	if (!vm_cap(scene->vm.fd, enable.cap))
		ktap_skip("this kernel has no dirty ring");
	guest_create_with_cap(&scene->vm, &enable);
	scene->slot = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, SCENE_PAGES);
	error = vm_set_slot(&scene->vm, &scene->slot, LOGGED);
	if (error)
		ktap_fail("cannot add a slot: %s", strerror(error));
	ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, scene->vm.vcpu,
		    KVM_DIRTY_LOG_PAGE_OFFSET * vm_page_size());
	if (ring == MAP_FAILED)
		ktap_fail("cannot map a dirty ring: %s", strerror(errno));
	return ring;
}

static void dirty_ring_has_what_was_written(void)
{
	struct kvm_dirty_gfn *ring;
	struct scene scene;
	size_t i;

	need_capability();
	ring = set_ringed(&scene);
	write_a_page(&scene, SCENE_PAGE);
	for (i = 0; i < RING_PAGES * vm_page_size() / sizeof(*ring); i++) {
		if (!(ring[i].flags & KVM_DIRTY_GFN_F_DIRTY))
			break;
		if (ring[i].slot == scene.slot.id && ring[i].offset == SCENE_PAGE)
			return;
	}
	ktap_fail("expected page %u, which the guest wrote, in the dirty ring, which has %zu other entries",
		  SCENE_PAGE, i);
}

/* 0 or an errno. */
static int pre_fault(struct scene *scene, unsigned int page)
{
	return vm_pre_fault(&scene->vm, scene->slot.gpa + page * vm_page_size(), vm_page_size());
}

/*
 * User space asks for it, so a kernel may provide a missing page here, or say
 * that it is missing. Either way the guest has to get on.
 */
static void pre_fault_comes_back(void)
{
	struct vm_exit exit;
	struct scene scene;
	int error;

	scene_set_missing(&scene, ACCESS_WRITE);
	error = pre_fault(&scene, SCENE_PAGE);
	if (error == EOPNOTSUPP)
		ktap_skip("KVM_PRE_FAULT_MEMORY: %s", strerror(error));
	if (error && vm_is_mapped(scene.hva))
		ktap_fail("KVM_PRE_FAULT_MEMORY of a missing page failed with %s, and mapped it",
			  strerror(error));
	if (!vm_is_mapped(scene.hva)) {
		exit = scene_run_into_missing(&scene);
		scene_provide(&scene, &exit);
	}
	error = pre_fault(&scene, SCENE_PAGE);
	if (error)
		ktap_fail("KVM_PRE_FAULT_MEMORY of a page that is there: expected success, got %s",
			  strerror(error));
	scene_expect_served(&scene);
}

static const struct check checks[] = {
	{ "dirty_log_has_what_was_written", dirty_log_has_what_was_written },
	{ "logging_switched_on_later", logging_switched_on_later },
	{ "logging_switched_off_later", logging_switched_off_later },
	{ "dirty_ring_has_what_was_written", dirty_ring_has_what_was_written },
	{ "pre_fault_comes_back", pre_fault_comes_back },
};

int main(void)
{
	return ktap_main("exit_on_missing_dirty", checks, ARRAY_SIZE(checks), NULL);
}
