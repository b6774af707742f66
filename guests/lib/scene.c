// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ktap.h"
#include "scene.h"

/* How often the same exit may come again after its page was provided. */
#define MAX_REPEATS	8

/* What makes a page that is there look missing, migration say, is over by then. */
#define REPEAT_USECONDS	10000

void scene_need_capability(const struct vm *vm)
{
	vm_need_cap(vm->fd, CAP_EXIT_ON_MISSING, "KVM_CAP_EXIT_ON_MISSING");
	if (!MEM_EXIT_ON_MISSING)
		ktap_fail("KVM_CAP_EXIT_ON_MISSING is advertised, but the headers define no KVM_MEM_EXIT_ON_MISSING");
}

void scene_aim_at(struct scene *scene, enum access access, uint64_t gpa)
{
	scene->access = access;
	scene->gpa = gpa;
	scene->hva = vm_hva(&scene->slot, gpa);
	guest_access(&scene->vm, access, gpa, SCENE_VALUE);
}

void scene_aim(struct scene *scene, enum access access, unsigned int page)
{
	scene_aim_at(scene, access, scene->slot.gpa + page * vm_page_size() + SCENE_OFFSET);
}

void scene_set_in(struct scene *scene, const struct slot *memory, uint32_t flags, enum access access)
{
	int error;

	guest_create(&scene->vm, VM_TYPE_DEFAULT);
	scene->slot = *memory;
	scene->provided = 0;
	error = vm_set_slot(&scene->vm, &scene->slot, flags);
	if (error)
		ktap_fail("cannot add a slot with flags %#x: %s", flags, strerror(error));
	scene_aim(scene, access, SCENE_PAGE);
}

void scene_set(struct scene *scene, uint32_t flags, enum access access)
{
	struct slot memory = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, SCENE_PAGES);

	scene_set_in(scene, &memory, flags, access);
}

void scene_set_missing(struct scene *scene, enum access access)
{
	struct vm vm;

	vm_create(&vm, VM_TYPE_DEFAULT);
	scene_need_capability(&vm);
	scene_set(scene, MEM_EXIT_ON_MISSING, access);
}

void scene_expect_missing(const struct scene *scene, const struct vm_exit *exit)
{
	const struct expected_fault expected = {
		.access = scene->access,
		.gpa = scene->gpa,
		.private = false,
		.within = &scene->slot,
	};

	expect_memory_fault(exit, &expected);
}

struct vm_exit scene_run_into_missing(struct scene *scene)
{
	struct vm_mappings before;
	struct vm_exit exit;

	vm_see_mappings(&scene->slot, &before);
	exit = vm_run_briefly(&scene->vm);
	scene_expect_missing(scene, &exit);
	vm_expect_no_mapping_since(&scene->slot, &before, access_name(scene->access));
	return exit;
}

void scene_provide(struct scene *scene, const struct vm_exit *exit)
{
	uint64_t first = (exit->gpa - scene->slot.gpa) / vm_page_size();
	uint64_t count = exit->size / vm_page_size();
	int error = vm_populate(&scene->slot, exit->gpa, exit->size);
	uint64_t page;

	if (error)
		ktap_fail("cannot populate the reported range, gpa %#llx size %#llx: %s",
			  (unsigned long long)exit->gpa, (unsigned long long)exit->size,
			  strerror(error));
	for (page = first; page < first + count && page < SCENE_PAGES; page++)
		scene->provided |= 1U << page;
}

bool scene_has_provided(const struct scene *scene, unsigned int page)
{
	return scene->provided & 1U << page;
}

/* Run to the report; each exit on the way has to be the same one. */
static uint32_t run_to_report(struct scene *scene, bool provide, const char *how)
{
	struct vm_exit exit;
	uint32_t value;
	int i;

	for (i = 0; i <= MAX_REPEATS; i++) {
		exit = vm_run_briefly(&scene->vm);
		if (guest_reported(&scene->vm, &exit, &value))
			return value;
		scene_expect_missing(scene, &exit);
		if (provide)
			scene_provide(scene, &exit);
		else
			usleep(REPEAT_USECONDS);
	}
	ktap_fail("%s of %#llx: expected the guest to go on once %s, got %d more exits, the last: %s",
		  access_name(scene->access), (unsigned long long)scene->gpa, how, i,
		  vm_describe(&exit));
}

uint32_t scene_run_to_report(struct scene *scene)
{
	return run_to_report(scene, true, "the page was there");
}

void scene_expect_progress(struct scene *scene, const char *how, uint32_t value)
{
	scene_expect_value(scene, "the guest", value, run_to_report(scene, false, how));
}

void scene_expect_no_exit(struct scene *scene, uint32_t reported)
{
	struct vm_exit exit = vm_run_briefly(&scene->vm);
	uint32_t value;

	if (!guest_reported(&scene->vm, &exit, &value))
		ktap_fail("%s of %#llx: expected the guest to go on without an exit, got: %s",
			  access_name(scene->access), (unsigned long long)scene->gpa,
			  vm_describe(&exit));
	scene_expect_value(scene, "the guest", reported, value);
	if (scene->access == ACCESS_WRITE)
		scene_expect_value(scene, "user space", SCENE_VALUE, scene_value_at(scene->hva));
}

void scene_expect_value(const struct scene *scene, const char *who, uint32_t expected, uint32_t got)
{
	if (expected != got)
		ktap_fail("%s of %#llx: expected %s to see %#x, got %#x",
			  access_name(scene->access), (unsigned long long)scene->gpa,
			  who, expected, got);
}

void scene_expect_zeroes_elsewhere(const struct scene *scene)
{
	struct slot untouched = vm_memory(0, 0, 1);
	uint32_t value = scene_value_at(untouched.hva + scene->gpa % vm_page_size());

	if (value)
		ktap_fail("%s of %#llx: expected it to leave the page of zeroes alone that all memory shares, but that now has %#x",
			  access_name(scene->access), (unsigned long long)scene->gpa, value);
}

void scene_expect_served(struct scene *scene)
{
	scene_run_to_report(scene);
	scene_expect_value(scene, "user space", SCENE_VALUE, scene_value_at(scene->hva));
}

uint32_t scene_value_at(const uint8_t *hva)
{
	uint32_t value;

	memcpy(&value, hva, sizeof(value));
	return value;
}

void scene_put_value(uint8_t *hva, uint32_t value)
{
	memcpy(hva, &value, sizeof(value));
}

uint8_t *scene_page(const struct scene *scene)
{
	return scene->hva - (scene->hva - scene->slot.hva) % vm_page_size();
}
