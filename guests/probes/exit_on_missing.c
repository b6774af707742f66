// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_MEM_EXIT_ON_MISSING: a guest access to a page that user space has not
 * mapped ends KVM_RUN with a memory fault in place of faulting the page in, and
 * the guest goes on once user space has provided it.
 *
 * "Missing" is what the kernel's fast path calls so: a repeat of an exit after
 * the page was provided is legal. Judged are progress and the guest's data, not
 * the number of exits.
 */
#include <errno.h>
#include <string.h>

#include "ktap.h"
#include "memory_fault.h"

/* Enough to see a range that is off by a page, or too large. */
#define PAGES		16
#define ACCESSED_PAGE	5
#define ACCESSED_OFFSET	0x240

/* How often the same exit may come again after its page was provided. */
#define MAX_REPEATS	8

#define VALUE		0x5eed1e55

struct scene {
	struct vm vm;
	struct slot slot;
	enum access access;
	uint64_t gpa;		/* what the guest accesses */
	uint8_t *hva;		/* the same, for us */
};

static void need_capability(const struct vm *vm)
{
	if (!vm_cap(vm->fd, CAP_EXIT_ON_MISSING))
		ktap_skip("KVM_CAP_EXIT_ON_MISSING is not advertised");
	if (!MEM_EXIT_ON_MISSING)
		ktap_fail("KVM_CAP_EXIT_ON_MISSING is advertised, but the headers define no KVM_MEM_EXIT_ON_MISSING");
}

/* Have the guest access a page of the slot next. */
static void aim(struct scene *scene, enum access access, unsigned int page)
{
	scene->access = access;
	scene->gpa = scene->slot.gpa + page * vm_page_size() + ACCESSED_OFFSET;
	scene->hva = vm_hva(&scene->slot, scene->gpa);
	guest_access(&scene->vm, access, scene->gpa, VALUE);
}

/* A guest about to access a page that nobody ever touched. */
static void set_scene(struct scene *scene, uint32_t flags, enum access access)
{
	int error;

	guest_create(&scene->vm, VM_TYPE_DEFAULT);
	if (flags & MEM_EXIT_ON_MISSING)
		need_capability(&scene->vm);
	scene->slot = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, PAGES);
	error = vm_set_slot(&scene->vm, &scene->slot, flags);
	if (error)
		ktap_fail("cannot add a slot with flags %#x: %s", flags, strerror(error));
	aim(scene, access, ACCESSED_PAGE);
}

/* As above, with the flag; skips where the kernel does not advertise it. */
static void set_missing_scene(struct scene *scene, enum access access)
{
	if (!MEM_EXIT_ON_MISSING) {
		guest_create(&scene->vm, VM_TYPE_DEFAULT);
		need_capability(&scene->vm);
	}
	set_scene(scene, MEM_EXIT_ON_MISSING, access);
}

static void expect_missing(const struct scene *scene, const struct vm_exit *exit)
{
	const struct expected_fault expected = {
		.access = scene->access,
		.gpa = scene->gpa,
		.private = false,
		.within = &scene->slot,
	};

	expect_memory_fault(exit, &expected);
}

static struct vm_exit run_into_missing(struct scene *scene)
{
	struct vm_exit exit = vm_run(&scene->vm);

	expect_missing(scene, &exit);
	return exit;
}

static void provide(const struct scene *scene, const struct vm_exit *exit)
{
	int error = vm_populate(&scene->slot, exit->gpa, exit->size);

	if (error)
		ktap_fail("cannot populate the reported range, gpa %#llx size %#llx: %s",
			  (unsigned long long)exit->gpa, (unsigned long long)exit->size,
			  strerror(error));
}

/* Run until the guest has reported; its page is there, so the end is near. */
static uint32_t run_to_report(struct scene *scene)
{
	struct vm_exit exit;
	uint32_t value;
	int i;

	for (i = 0; i <= MAX_REPEATS; i++) {
		exit = vm_run(&scene->vm);
		if (guest_reported(&scene->vm, &exit, &value))
			return value;
		expect_missing(scene, &exit);
		provide(scene, &exit);
	}
	ktap_fail("%s of %#llx: expected the guest to go on once the page was there, got %d more exits, the last: %s",
		  access_name(scene->access), (unsigned long long)scene->gpa, i,
		  vm_describe(&exit));
}

static void expect_value(const struct scene *scene, const char *who, uint32_t expected,
			 uint32_t got)
{
	if (expected != got)
		ktap_fail("%s of %#llx: expected %s to see %#x, got %#x",
			  access_name(scene->access), (unsigned long long)scene->gpa,
			  who, expected, got);
}

static uint32_t value_at(const uint8_t *hva)
{
	uint32_t value;

	memcpy(&value, hva, sizeof(value));
	return value;
}

/* Unresolved, the access fails for as long as the guest tries. */
static void expect_exits(enum access access)
{
	struct scene scene;

	set_missing_scene(&scene, access);
	run_into_missing(&scene);
	run_into_missing(&scene);
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

static void expect_nothing_mapped(enum access access)
{
	struct vm_exit exit;
	struct scene scene;

	set_missing_scene(&scene, access);
	if (vm_is_mapped(scene.hva))
		ktap_fail("a page that nobody touched is mapped before the guest ran");
	exit = run_into_missing(&scene);
	if (vm_is_mapped(scene.hva))
		ktap_fail("%s of %#llx: expected the page to be missing still after the exit, but it is mapped",
			  access_name(access), (unsigned long long)scene.gpa);

	/* Would we have seen it? */
	provide(&scene, &exit);
	if (!vm_is_mapped(scene.hva))
		ktap_fail("a page that MADV_POPULATE_WRITE provided is not mapped");
}

static void maps_nothing(void)
{
	expect_nothing_mapped(ACCESS_READ);
	expect_nothing_mapped(ACCESS_WRITE);
}

static void resume_read(void)
{
	const uint32_t value = VALUE;
	struct vm_exit exit;
	struct scene scene;

	set_missing_scene(&scene, ACCESS_READ);
	exit = run_into_missing(&scene);
	provide(&scene, &exit);
	memcpy(scene.hva, &value, sizeof(value));
	expect_value(&scene, "the guest", VALUE, run_to_report(&scene));
}

static void resume_write(void)
{
	struct vm_exit exit;
	struct scene scene;

	set_missing_scene(&scene, ACCESS_WRITE);
	exit = run_into_missing(&scene);
	provide(&scene, &exit);
	run_to_report(&scene);
	expect_value(&scene, "user space", VALUE, value_at(scene.hva));
}

static void resume_fetch(void)
{
	struct vm_exit exit;
	struct scene scene;

	set_missing_scene(&scene, ACCESS_FETCH);
	exit = run_into_missing(&scene);
	provide(&scene, &exit);
	guest_put_code(scene.hva, VALUE);
	expect_value(&scene, "the report of the code put there", VALUE, run_to_report(&scene));
}

static void resumes_after_populate(void)
{
	resume_read();
	resume_write();
	resume_fetch();
}

static void expect_no_exit(struct scene *scene, uint32_t reported)
{
	struct vm_exit exit = vm_run(&scene->vm);
	uint32_t value;

	if (!guest_reported(&scene->vm, &exit, &value))
		ktap_fail("%s of %#llx, no KVM_MEM_EXIT_ON_MISSING: expected the page to be faulted in, got: %s",
			  access_name(scene->access), (unsigned long long)scene->gpa,
			  vm_describe(&exit));
	expect_value(scene, "the guest", reported, value);
	if (scene->access == ACCESS_WRITE)
		expect_value(scene, "user space", VALUE, value_at(scene->hva));
}

static void unflagged_just_works(void)
{
	struct scene scene;

	set_scene(&scene, 0, ACCESS_READ);
	expect_no_exit(&scene, 0);
	set_scene(&scene, 0, ACCESS_WRITE);
	expect_no_exit(&scene, VALUE);
}

static void readonly_refused(void)
{
	struct slot slot = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, PAGES);
	struct vm vm;
	int error;

	vm_create(&vm, VM_TYPE_DEFAULT);
	need_capability(&vm);
	error = vm_set_slot(&vm, &slot, MEM_EXIT_ON_MISSING | KVM_MEM_READONLY);
	if (error != EINVAL)
		ktap_fail("expected KVM_MEM_EXIT_ON_MISSING with KVM_MEM_READONLY to be refused with EINVAL, got %s",
			  error ? strerror(error) : "a slot that has both");
}

/* Change the flags of a live slot. False if the kernel does not let us, as it may. */
static bool toggled(struct scene *scene, uint32_t flags)
{
	int error = vm_set_slot(&scene->vm, &scene->slot, flags);

	if (error && error != EINVAL)
		ktap_fail("%s KVM_MEM_EXIT_ON_MISSING on a live slot: expected success or EINVAL, got %s",
			  flags ? "setting" : "clearing", strerror(error));
	return !error;
}

/* Set and cleared again, on a slot that the guest has used. */
static void set_on_live_slot(void)
{
	struct scene scene;

	set_scene(&scene, 0, ACCESS_WRITE);
	expect_no_exit(&scene, VALUE);
	if (!toggled(&scene, MEM_EXIT_ON_MISSING)) {
		aim(&scene, ACCESS_WRITE, ACCESSED_PAGE + 1);
		expect_no_exit(&scene, VALUE);
		return;
	}

	/* What the guest has used before is still there for it. */
	aim(&scene, ACCESS_READ, ACCESSED_PAGE);
	expect_value(&scene, "the guest", VALUE, run_to_report(&scene));

	aim(&scene, ACCESS_WRITE, ACCESSED_PAGE + 1);
	run_into_missing(&scene);
	if (toggled(&scene, 0))
		expect_no_exit(&scene, VALUE);
	else
		run_into_missing(&scene);
}

/* Cleared on a slot that had it from the start, while the guest waits for a page. */
static void clear_on_live_slot(void)
{
	struct scene scene;

	set_missing_scene(&scene, ACCESS_WRITE);
	run_into_missing(&scene);
	if (toggled(&scene, 0))
		expect_no_exit(&scene, VALUE);
	else
		run_into_missing(&scene);
}

/* Quiet: no WARN either, which the host finds in the kernel's log. */
static void toggle_is_quiet(void)
{
	struct vm vm;

	vm_create(&vm, VM_TYPE_DEFAULT);
	need_capability(&vm);
	set_on_live_slot();
	clear_on_live_slot();
}

static const struct check checks[] = {
	{ "read_exits", read_exits },
	{ "write_exits", write_exits },
	{ "fetch_exits", fetch_exits },
	{ "maps_nothing", maps_nothing },
	{ "resumes_after_populate", resumes_after_populate },
	{ "unflagged_just_works", unflagged_just_works },
	{ "readonly_refused", readonly_refused },
	{ "toggle_is_quiet", toggle_is_quiet },
};

int main(void)
{
	return ktap_main("exit_on_missing", checks, ARRAY_SIZE(checks), NULL);
}
