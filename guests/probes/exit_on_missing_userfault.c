// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_MEM_EXIT_ON_MISSING with userfaultfd, which is what it exists for: a guest
 * access raises no event and blocks on nobody, and userfaultfd can still provide
 * the page.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backing.h"
#include "ktap.h"
#include "scene.h"
#include "userfault.h"

/* A guest about to access a page that userfaultfd stands in for. */
static int set_watched(struct scene *scene, enum access access)
{
	scene_set_missing(scene, access);
	return userfault_watch(&scene->slot, UFFDIO_REGISTER_MODE_MISSING, 0);
}

static void expect_no_event(enum access access)
{
	struct scene scene;
	int fd = set_watched(&scene, access);

	scene_run_into_missing(&scene);
	userfault_expect_silence(fd);
	if (vm_is_mapped(scene.hva))
		ktap_fail("expected the page to be missing still after the exit, but it is mapped");
}

static void read_raises_no_event(void)
{
	expect_no_event(ACCESS_READ);
}

static void write_raises_no_event(void)
{
	expect_no_event(ACCESS_WRITE);
}

/* With its interrupt controller in the kernel, a vCPU may leave its fault to a worker. */
static void no_worker_faults_it_in(void)
{
	struct scene scene;
	int fd, error;

	scene_set_missing(&scene, ACCESS_WRITE);
	guest_create_with_irqchip(&scene.vm);
	error = vm_set_slot(&scene.vm, &scene.slot, MEM_EXIT_ON_MISSING);
	if (error)
		ktap_fail("cannot add a slot: %s", strerror(error));
	fd = userfault_watch(&scene.slot, UFFDIO_REGISTER_MODE_MISSING, 0);
	scene_aim(&scene, ACCESS_WRITE, SCENE_PAGE);
	scene_run_into_missing(&scene);
	userfault_expect_silence(fd);
	if (vm_is_mapped(scene.hva))
		ktap_fail("expected the page to be missing still, but somebody has mapped it");
}

static void copy_resumes(void)
{
	uint8_t *page = aligned_alloc(vm_page_size(), vm_page_size());
	struct scene scene;
	int fd = set_watched(&scene, ACCESS_READ);
	int error;

	scene_run_into_missing(&scene);
	memset(page, 0, vm_page_size());
	scene_put_value(page + SCENE_OFFSET, SCENE_VALUE);
	error = userfault_copy(fd, scene_page(&scene), page, vm_page_size());
	if (error)
		ktap_fail("UFFDIO_COPY: %s", strerror(error));
	scene_expect_progress(&scene, "UFFDIO_COPY had provided the page", SCENE_VALUE);
	userfault_expect_silence(fd);
}

/* The zero page may not be written, and may count as missing; it must not hang. */
static void zeropage_yields_to_populate(void)
{
	struct scene scene;
	int fd = set_watched(&scene, ACCESS_WRITE);
	struct vm_exit exit;
	uint32_t value;
	int error;

	scene_run_into_missing(&scene);
	error = userfault_zero(fd, scene_page(&scene), vm_page_size());
	if (error)
		ktap_fail("UFFDIO_ZEROPAGE: %s", strerror(error));
	exit = vm_run_briefly(&scene.vm);
	if (!guest_reported(&scene.vm, &exit, &value)) {
		scene_expect_missing(&scene, &exit);
		scene_provide(&scene, &exit);
		scene_run_to_report(&scene);
	}
	scene_expect_value(&scene, "user space", SCENE_VALUE, scene_value_at(scene.hva));
	scene_expect_zeroes_elsewhere(&scene);
}

/* In the page cache, and not in our page table. */
static void minor_fault_exits_and_continue_resumes(void)
{
	const uint32_t value = SCENE_VALUE;
	struct scene scene;
	struct slot memory;
	int file, fd, error;

	scene_set_missing(&scene, ACCESS_READ);
	memory = backing_shmem(GUEST_FIRST_SLOT, guest_free_gpa, SCENE_PAGES * vm_page_size(), &file);
	if (pwrite(file, &value, sizeof(value), SCENE_PAGE * vm_page_size() + SCENE_OFFSET) != sizeof(value))
		ktap_fail("cannot write to a memfd");
	fd = userfault_watch(&memory, UFFDIO_REGISTER_MODE_MINOR, UFFD_FEATURE_MINOR_SHMEM);
	scene_set_in(&scene, &memory, MEM_EXIT_ON_MISSING, ACCESS_READ);
	scene_run_into_missing(&scene);
	userfault_expect_silence(fd);
	error = userfault_continue(fd, scene_page(&scene), vm_page_size());
	if (error)
		ktap_fail("UFFDIO_CONTINUE: %s", strerror(error));
	scene_expect_progress(&scene, "UFFDIO_CONTINUE had mapped the page", SCENE_VALUE);
	userfault_expect_silence(fd);
}

static void protect(int fd, struct scene *scene, bool writes)
{
	int error = userfault_protect(fd, scene_page(scene), vm_page_size(), writes);

	if (error)
		ktap_fail("UFFDIO_WRITEPROTECT: %s", strerror(error));
}

/* There, but nobody is to write to it without userfaultfd being told. */
static void write_protected_page_raises_no_event(void)
{
	struct scene scene;
	int fd;

	scene_set_missing(&scene, ACCESS_WRITE);
	fd = userfault_watch(&scene.slot, UFFDIO_REGISTER_MODE_WP, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	scene_put_value(scene.hva, ~SCENE_VALUE);
	protect(fd, &scene, true);
	scene_run_into_missing(&scene);
	userfault_expect_silence(fd);
	scene_expect_value(&scene, "user space", ~SCENE_VALUE, scene_value_at(scene.hva));
	protect(fd, &scene, false);
	scene_expect_served(&scene);
}

static void hugetlb_raises_no_event(void)
{
	size_t size = backing_huge_size();
	uint8_t *page = aligned_alloc(size, size);
	struct scene scene;
	struct slot memory;
	int fd, error;

	scene_set_missing(&scene, ACCESS_READ);
	memory = backing_hugetlb(GUEST_FIRST_SLOT, guest_free_gpa);
	fd = userfault_watch(&memory, UFFDIO_REGISTER_MODE_MISSING, 0);
	scene_set_in(&scene, &memory, MEM_EXIT_ON_MISSING, ACCESS_READ);
	scene_run_into_missing(&scene);
	userfault_expect_silence(fd);
	memset(page, 0, size);
	scene_put_value(page + (scene.hva - memory.hva), SCENE_VALUE);
	error = userfault_copy(fd, memory.hva, page, size);
	if (error)
		ktap_fail("UFFDIO_COPY of a huge page: %s", strerror(error));
	scene_expect_progress(&scene, "UFFDIO_COPY had provided the huge page", SCENE_VALUE);
}

struct runner {
	struct scene scene;
	struct vm_exit exit;
};

static void *run(void *arg)
{
	struct runner *runner = arg;

	runner->exit = vm_run(&runner->scene.vm);
	return NULL;
}

/* A slot without the flag blocks the guest until the event is dealt with, as ever. */
static void unflagged_slot_raises_an_event(void)
{
	uint8_t *page = aligned_alloc(vm_page_size(), vm_page_size());
	struct runner runner;
	struct scene *scene = &runner.scene;
	pthread_t thread;
	uint32_t value;
	int fd, error;

	scene_set(scene, 0, ACCESS_READ);
	fd = userfault_watch(&scene->slot, UFFDIO_REGISTER_MODE_MISSING, 0);
	memset(page, 0, vm_page_size());
	scene_put_value(page + SCENE_OFFSET, SCENE_VALUE);
	if (pthread_create(&thread, NULL, run, &runner))
		ktap_fail("cannot start a thread");
	if (!userfault_came(fd, scene->hva))
		ktap_fail("expected a userfaultfd event for a guest access to a slot without KVM_MEM_EXIT_ON_MISSING, got none");
	error = userfault_copy(fd, scene_page(scene), page, vm_page_size());
	if (error)
		ktap_fail("UFFDIO_COPY: %s", strerror(error));
	pthread_join(thread, NULL);
	if (!guest_reported(&scene->vm, &runner.exit, &value))
		ktap_fail("expected the guest to go on once UFFDIO_COPY had provided the page, got: %s",
			  vm_describe(&runner.exit));
	scene_expect_value(scene, "the guest", SCENE_VALUE, value);
}

static const struct check checks[] = {
	{ "read_raises_no_event", read_raises_no_event },
	{ "write_raises_no_event", write_raises_no_event },
	{ "no_worker_faults_it_in", no_worker_faults_it_in },
	{ "copy_resumes", copy_resumes },
	{ "zeropage_yields_to_populate", zeropage_yields_to_populate },
	{ "minor_fault_exits_and_continue_resumes", minor_fault_exits_and_continue_resumes },
	{ "write_protected_page_raises_no_event", write_protected_page_raises_no_event },
	{ "hugetlb_raises_no_event", hugetlb_raises_no_event },
	{ "unflagged_slot_raises_an_event", unflagged_slot_raises_an_event },
};

int main(void)
{
	return ktap_main("exit_on_missing_userfault", checks, ARRAY_SIZE(checks), NULL);
}
