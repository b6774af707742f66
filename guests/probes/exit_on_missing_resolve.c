// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_MEM_EXIT_ON_MISSING: however user space provides a page, the guest goes on
 * and its data is right; however a page goes missing, it exits again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "ktap.h"
#include "scene.h"

static void populate_resumes_read(void)
{
	struct vm_exit exit;
	struct scene scene;

	scene_set_missing(&scene, ACCESS_READ);
	exit = scene_run_into_missing(&scene);
	scene_provide(&scene, &exit);
	if (!vm_is_mapped(scene.hva))
		ktap_fail("a page that MADV_POPULATE_WRITE provided is not mapped");
	scene_put_value(scene.hva, SCENE_VALUE);
	scene_expect_value(&scene, "the guest", SCENE_VALUE, scene_run_to_report(&scene));
}

static void populate_resumes_write(void)
{
	struct vm_exit exit;
	struct scene scene;

	scene_set_missing(&scene, ACCESS_WRITE);
	exit = scene_run_into_missing(&scene);
	scene_provide(&scene, &exit);
	scene_run_to_report(&scene);
	scene_expect_value(&scene, "user space", SCENE_VALUE, scene_value_at(scene.hva));
}

static void populate_resumes_fetch(void)
{
	struct vm_exit exit;
	struct scene scene;

	scene_set_missing(&scene, ACCESS_FETCH);
	exit = scene_run_into_missing(&scene);
	scene_provide(&scene, &exit);
	guest_put_code(scene.hva, SCENE_VALUE);
	scene_expect_value(&scene, "the report of the code put there", SCENE_VALUE,
			   scene_run_to_report(&scene));
}

/* What is mapped for reading alone may stay missing. It must not hang, nor be written. */
static void populate_read_yields_to_write(void)
{
	struct vm_exit exit;
	struct scene scene;
	uint32_t value;

	scene_set_missing(&scene, ACCESS_WRITE);
	scene_run_into_missing(&scene);
	if (madvise(scene_page(&scene), vm_page_size(), MADV_POPULATE_READ))
		ktap_skip("MADV_POPULATE_READ: %s", strerror(errno));
	exit = vm_run_briefly(&scene.vm);
	if (!guest_reported(&scene.vm, &exit, &value)) {
		scene_expect_missing(&scene, &exit);
		scene_provide(&scene, &exit);
		scene_run_to_report(&scene);
	}
	scene_expect_value(&scene, "user space", SCENE_VALUE, scene_value_at(scene.hva));
	scene_expect_zeroes_elsewhere(&scene);
}

static void discarded_page_exits_again(void)
{
	struct vm_exit exit;
	struct scene scene;

	scene_set_missing(&scene, ACCESS_WRITE);
	exit = scene_run_into_missing(&scene);
	scene_provide(&scene, &exit);
	scene_run_to_report(&scene);

	if (madvise(scene_page(&scene), vm_page_size(), MADV_DONTNEED))
		ktap_fail("MADV_DONTNEED: %s", strerror(errno));
	scene_aim(&scene, ACCESS_READ, SCENE_PAGE);
	exit = scene_run_into_missing(&scene);
	scene_provide(&scene, &exit);
	scene_expect_value(&scene, "the guest", 0, scene_run_to_report(&scene));
}

/* Its data waits behind the protection, and is there again when that is lifted. */
static void protected_page_exits(void)
{
	struct scene scene;

	scene_set_missing(&scene, ACCESS_READ);
	scene_put_value(scene.hva, SCENE_VALUE);
	/* The guest has used it. */
	scene_expect_progress(&scene, "user space had written the page", SCENE_VALUE);
	scene_aim(&scene, ACCESS_READ, SCENE_PAGE);
	if (mprotect(scene_page(&scene), vm_page_size(), PROT_NONE))
		ktap_fail("mprotect: %s", strerror(errno));
	scene_run_into_missing(&scene);
	scene_run_into_missing(&scene);
	if (mprotect(scene_page(&scene), vm_page_size(), PROT_READ | PROT_WRITE))
		ktap_fail("mprotect back: %s", strerror(errno));
	/* Present and writable: nothing is left to be provided. */
	scene_expect_progress(&scene, "mprotect gave the page back", SCENE_VALUE);
}

/* Each page is missing until it is provided, however many beside it have been. */
static void neighbours_are_told_apart(void)
{
	struct vm_exit exit;
	struct scene scene;
	unsigned int page;

	scene_set_missing(&scene, ACCESS_WRITE);
	for (page = 0; page < SCENE_PAGES; page++) {
		uint32_t value = page % 2 ? 0 : SCENE_VALUE;

		scene_aim(&scene, page % 2 ? ACCESS_READ : ACCESS_WRITE, page);
		if (!scene_has_provided(&scene, page)) {
			if (vm_is_mapped(scene.hva))
				ktap_fail("expected page %u to be missing until it is provided, but somebody has mapped it",
					  page);
			exit = scene_run_into_missing(&scene);
			scene_provide(&scene, &exit);
		}
		scene_expect_value(&scene, "the guest", value, scene_run_to_report(&scene));
		scene_expect_value(&scene, "user space", value, scene_value_at(scene.hva));
	}
}

static const struct check checks[] = {
	{ "populate_resumes_read", populate_resumes_read },
	{ "populate_resumes_write", populate_resumes_write },
	{ "populate_resumes_fetch", populate_resumes_fetch },
	{ "populate_read_yields_to_write", populate_read_yields_to_write },
	{ "discarded_page_exits_again", discarded_page_exits_again },
	{ "protected_page_exits", protected_page_exits },
	{ "neighbours_are_told_apart", neighbours_are_told_apart },
};

int main(void)
{
	return ktap_main("exit_on_missing_resolve", checks, ARRAY_SIZE(checks), NULL);
}
