// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_MEM_EXIT_ON_MISSING: however user space provides a page, the guest goes on
 * and its data is right; however a page goes missing, it exits again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

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
	scene_expect_served(&scene);
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

static void protect(struct scene *scene, int protection)
{
	if (mprotect(scene_page(scene), vm_page_size(), protection))
		ktap_fail("mprotect: %s", strerror(errno));
}

/* A page that has @value, and that the guest has used. */
static void set_used(struct scene *scene, uint32_t value)
{
	scene_set_missing(scene, ACCESS_READ);
	scene_put_value(scene->hva, value);
	scene_expect_progress(scene, "user space had written the page", value);
}

/* Its data waits behind the protection, and is there again when that is lifted. */
static void protected_page_exits(void)
{
	struct scene scene;

	set_used(&scene, SCENE_VALUE);
	scene_aim(&scene, ACCESS_READ, SCENE_PAGE);
	protect(&scene, PROT_NONE);
	scene_run_into_missing(&scene);
	scene_run_into_missing(&scene);
	protect(&scene, PROT_READ | PROT_WRITE);
	/* Present and writable: nothing is left to be provided. */
	scene_expect_progress(&scene, "mprotect gave the page back", SCENE_VALUE);
}

static void write_protected_page_exits(void)
{
	const uint32_t before = ~SCENE_VALUE;
	struct scene scene;

	set_used(&scene, before);
	scene_aim(&scene, ACCESS_WRITE, SCENE_PAGE);
	protect(&scene, PROT_READ);
	scene_run_into_missing(&scene);
	scene_expect_value(&scene, "user space", before, scene_value_at(scene.hva));
	protect(&scene, PROT_READ | PROT_WRITE);
	scene_expect_served(&scene);
}

/* A process that shares our memory since now; once @go_on is closed, it exits 0 if it sees @value at @hva. */
static pid_t fork_sharer(const uint8_t *hva, uint32_t value, int *go_on)
{
	int ends[2];
	pid_t child;
	char byte;

	if (pipe(ends))
		ktap_fail("pipe: %s", strerror(errno));
	child = fork();
	if (child < 0)
		ktap_fail("fork: %s", strerror(errno));
	if (!child) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) || scene_value_at(hva) != value);
	}
	close(ends[0]);
	*go_on = ends[1];
	return child;
}

/* Whoever writes first gets a copy of its own: user space has to, since the guest may not. */
static void page_shared_by_fork_exits(void)
{
	const uint32_t before = ~SCENE_VALUE;
	struct scene scene;
	int go_on, status;
	pid_t child;

	set_used(&scene, before);
	child = fork_sharer(scene.hva, before, &go_on);
	scene_aim(&scene, ACCESS_WRITE, SCENE_PAGE);
	scene_run_into_missing(&scene);
	scene_page(&scene)[0] = 1;
	scene_expect_progress(&scene, "user space had written the page", SCENE_VALUE);
	scene_expect_value(&scene, "user space", SCENE_VALUE, scene_value_at(scene.hva));
	close(go_on);
	if (waitpid(child, &status, 0) != child || status)
		ktap_fail("write of %#llx: expected the process that the page was shared with to see %#x still, but it does not",
			  (unsigned long long)scene.gpa, before);
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
	{ "write_protected_page_exits", write_protected_page_exits },
	{ "page_shared_by_fork_exits", page_shared_by_fork_exits },
	{ "neighbours_are_told_apart", neighbours_are_told_apart },
};

int main(void)
{
	return ktap_main("exit_on_missing_resolve", checks, ARRAY_SIZE(checks), NULL);
}
