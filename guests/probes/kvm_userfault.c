// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_MEM_USERFAULT: whatever kind of access of the guest's finds the bit of its
 * page set, it ends KVM_RUN with a memory fault that says where, until the bit is
 * cleared. Documentation/virt/kvm/api.rst of such a series is the reference.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "held.h"
#include "ktap.h"

#define VCPUS	3
#define LAST	(HELD_PAGES - 1)

static void expect_report(struct vm *vm, const char *what, uint32_t expected)
{
	struct vm_exit exit = vm_run_briefly(vm);
	uint32_t value;

	if (!guest_reported(vm, &exit, &value))
		ktap_fail("%s: expected it to work, got: %s", what, vm_describe(&exit));
	if (value != expected)
		ktap_fail("%s: expected the guest to report %#x, got %#x", what, expected, value);
}

static void tell_caps(void)
{
	struct vm vm;

	if (CAP_USERFAULT == CAP_ABSENT)
		ktap_diag("the headers of this kernel do not define " HELD_NAMES);
	vm_create(&vm, VM_TYPE_DEFAULT);
	ktap_cap("KVM_CAP_USERFAULT", vm_cap(vm.fd, CAP_USERFAULT));
}

static void system_and_vm_agree(void)
{
	int system, of_vm;
	struct vm vm;

	held_need_capability();
	vm_create(&vm, VM_TYPE_DEFAULT);
	system = vm_cap(vm.kvm, CAP_USERFAULT);
	of_vm = vm_cap(vm.fd, CAP_USERFAULT);
	if (system != of_vm)
		ktap_fail("expected one answer for KVM_CAP_USERFAULT, got %d from /dev/kvm and %d from a VM", system, of_vm);
}

/* Try a slot with KVM_MEM_USERFAULT and more. 0 or an errno. */
static int try_flags(uint32_t more)
{
	struct slot slot = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, HELD_PAGES);
	struct held held;
	struct vm vm;

	vm_create(&vm, VM_TYPE_DEFAULT);
	held_new_bitmap(&held, &slot);
	return held_set_slot(&vm, &slot, MEM_USERFAULT | more, held.bitmap);
}

static void flag_accepted(void)
{
	int error;

	held_need_capability();
	error = try_flags(0);
	if (error)
		ktap_fail("expected a slot with KVM_MEM_USERFAULT to be accepted, got %s", strerror(error));
	error = try_flags(KVM_MEM_LOG_DIRTY_PAGES);
	if (error)
		ktap_fail("expected KVM_MEM_USERFAULT with KVM_MEM_LOG_DIRTY_PAGES to be accepted, got %s", strerror(error));
}

static void expect_refused_by_first_ioctl(void)
{
	struct slot slot = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, 1);
	struct vm vm;
	int error;

	vm_create(&vm, VM_TYPE_DEFAULT);
	error = vm_set_slot_v1(&vm, &slot, MEM_USERFAULT);
	if (error != EINVAL)
		ktap_fail("expected KVM_SET_USER_MEMORY_REGION, which has no bitmap, to refuse KVM_MEM_USERFAULT with EINVAL, got %s",
			  error ? strerror(error) : "a slot that has it");
}

static void flag_refused_by_first_ioctl(void)
{
	held_need_capability();
	expect_refused_by_first_ioctl();
}

static void flag_refused(void)
{
	struct vm vm;
	int error;

	if (!MEM_USERFAULT)
		ktap_skip("the headers of this kernel do not define " HELD_NAMES);
	vm_create(&vm, VM_TYPE_DEFAULT);
	if (vm_cap(vm.fd, CAP_USERFAULT))
		ktap_skip("KVM_CAP_USERFAULT is advertised");
	error = try_flags(0);
	if (error != EINVAL)
		ktap_fail("expected KVM_MEM_USERFAULT, which is not advertised, to be refused with EINVAL, got %s",
			  error ? strerror(error) : "a slot that has it");
	expect_refused_by_first_ioctl();
}

static void enable_cap_refused(void)
{
	struct kvm_enable_cap enable = { 0 };
	struct vm vm;
	int error;

	held_need_capability();
	vm_create(&vm, VM_TYPE_DEFAULT);
	enable.cap = CAP_USERFAULT;
	error = ioctl(vm.fd, KVM_ENABLE_CAP, &enable) ? errno : 0;
	if (error != EINVAL)
		ktap_fail("expected KVM_ENABLE_CAP of KVM_CAP_USERFAULT to be refused with EINVAL, got %s",
			  error ? strerror(error) : "success");
}

/* A guest in a slot with this bitmap. False if the kernel does not take it, as it may. */
static bool set_with_bitmap(struct held *held, const void *bitmap, const char *what)
{
	struct scene *scene = &held->scene;
	int error;

	memset(held, 0, sizeof(*held));
	guest_create(&scene->vm, VM_TYPE_DEFAULT);
	scene->slot = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, HELD_PAGES);
	error = held_set_slot(&scene->vm, &scene->slot, MEM_USERFAULT, bitmap);
	scene_aim(scene, ACCESS_WRITE, SCENE_PAGE);
	if (error && error != EINVAL && error != EFAULT)
		ktap_fail("%s: expected success, EINVAL or EFAULT, got %s", what, strerror(error));
	return !error;
}

/* Nor may it be told as held: there is no bit that says so. */
static void expect_failure(struct held *held, const char *what)
{
	struct vm_exit exit = vm_run_briefly(&held->scene.vm);

	if (exit.error != EFAULT)
		ktap_fail("%s: expected KVM_RUN to return EFAULT, got: %s", what, vm_describe(&exit));
	if (exit.has_fault && FAULT_USERFAULT & exit.flags)
		ktap_fail("%s: expected KVM_MEMORY_EXIT_FLAG_USERFAULT to be clear, got: %s", what, vm_describe(&exit));
}

/* It is refused at once, or once the guest faults, or it holds nothing. */
static void null_bitmap(void)
{
	struct vm_exit exit;
	struct held held;
	uint32_t value;

	held_need_capability();
	if (!set_with_bitmap(&held, NULL, "a slot with KVM_MEM_USERFAULT, and NULL for its bitmap"))
		return;
	exit = vm_run_briefly(&held.scene.vm);
	if (exit.error != EFAULT && !guest_reported(&held.scene.vm, &exit, &value))
		ktap_fail("NULL for a bitmap: expected the guest to go on, or KVM_RUN to return EFAULT, got: %s", vm_describe(&exit));
}

static void unreadable_bitmap(void)
{
	const char what[] = "a bitmap that is PROT_NONE", of_kernel[] = "a bitmap in the kernel's half of memory";
	struct held held, other;

	held_need_capability();
	if (set_with_bitmap(&held, (void *)(-1UL << 31), of_kernel))
		expect_failure(&held, of_kernel);

	held_new_bitmap(&other, &(struct slot){ .size = HELD_PAGES * vm_page_size() });
	held_set_bits(&other, SCENE_PAGE, 1, false);
	mprotect(other.bitmap, other.bitmap_size, PROT_NONE);
	if (!set_with_bitmap(&held, other.bitmap, what))
		return;
	expect_failure(&held, what);
	expect_failure(&held, what);

	/* None of that is for good. */
	mprotect(other.bitmap, other.bitmap_size, PROT_READ | PROT_WRITE);
	held_use(&held, ACCESS_WRITE, SCENE_PAGE);
	held_expect_held(&held, ACCESS_WRITE, SCENE_PAGE + 1);
}

/* It is an array of longs, and nothing is read behind its last. */
static void bitmap_ends_with_the_slot(void)
{
	const size_t words = (HELD_PAGES + 8 * sizeof(long) - 1) / (8 * sizeof(long)), page = vm_page_size();
	struct held held;
	uint8_t *pages;

	held_need_capability();
	pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE))
		ktap_fail("cannot map a bitmap: %s", strerror(errno));
	if (!set_with_bitmap(&held, pages + page - words * sizeof(long), "a bitmap that ends with its page"))
		ktap_fail("expected a bitmap to be accepted whose last long ends with its page, got an error");
	held.bitmap = (unsigned long *)(pages + page) - words;
	held_set_bits(&held, LAST, 1, true);
	scene_aim(&held.scene, ACCESS_WRITE, LAST);
	held_expect_served(&held, SCENE_VALUE);
}

/* Unresolved, the access fails for as long as the guest tries, at the same instruction. */
static void expect_exits(enum access access)
{
	struct held held;
	uint64_t pc;

	held_set(&held, access);
	if (access == ACCESS_FETCH)
		guest_put_code(held.scene.hva, SCENE_VALUE);
	else
		scene_put_value(held.scene.hva, SCENE_VALUE);
	held_run_into(&held);
	pc = guest_pc(&held.scene.vm);
	held_run_into(&held);
	if (guest_pc(&held.scene.vm) != pc)
		ktap_fail("%s of %#llx: expected the guest to stay at %#llx until the page is released, but it is at %#llx",
			  access_name(access), (unsigned long long)held.scene.gpa,
			  (unsigned long long)pc, (unsigned long long)guest_pc(&held.scene.vm));
	held_expect_served(&held, SCENE_VALUE);
}

static void read_exits(void)
{
	expect_exits(ACCESS_READ);
}

static void write_exits(void)
{
	expect_exits(ACCESS_WRITE);
	expect_exits(ACCESS_ATOMIC);
}

static void fetch_exits(void)
{
	expect_exits(ACCESS_FETCH);
}

/* What the table leads to lies in a slot without the flag: the table alone is held. */
static void table_walk_exits(void)
{
	struct held held;
	struct slot data;
	int error;

	held_set(&held, ACCESS_READ);
	data = vm_memory(GUEST_FIRST_SLOT + 1, guest_free_gpa + 2 * held.scene.slot.size, 1);
	scene_put_value(data.hva + SCENE_OFFSET, SCENE_VALUE);
	error = vm_set_slot(&held.scene.vm, &data, 0);
	if (error)
		ktap_fail("cannot add a slot: %s", strerror(error));

	held.scene.access = ACCESS_WALK;
	held.scene.gpa -= SCENE_OFFSET;
	guest_put_table(scene_page(&held.scene), data.gpa);
	guest_read_through(&held.scene.vm, held.scene.gpa, SCENE_OFFSET);
	held_expect_served(&held, SCENE_VALUE);
}

/* Nothing but the bit decides: no memory is there yet. */
static void clear_bit_just_works(void)
{
	struct held held;

	held_set(&held, ACCESS_WRITE);
	held_set_all(&held, false);
	held_use(&held, ACCESS_WRITE, SCENE_PAGE);
	scene_expect_value(&held.scene, "user space", SCENE_VALUE, scene_value_at(held.scene.hva));
	held_use(&held, ACCESS_READ, LAST);
}

/* Add the slot anew: nothing of it is mapped for the guest then. */
static void add_anew(struct held *held)
{
	const struct slot *slot = &held->scene.slot;
	struct slot gone = *slot;
	int error;

	gone.size = 0;
	error = held_set_slot(&held->scene.vm, &gone, 0, NULL);
	if (!error)
		error = held_set_slot(&held->scene.vm, slot, MEM_USERFAULT, held->bitmap);
	if (error)
		ktap_fail("cannot delete a slot and add it again: %s", strerror(error));
}

/* One bit alone is set, or alone is clear; the other pages are not taken for that one. */
static void each_page_has_its_bit(void)
{
	static const unsigned int pages[] = { 0, 1, 7, 8, 31, 32, 62, 63, 64, 65, 127, 128, LAST };
	struct held held;
	size_t i, j;

	held_set(&held, ACCESS_WRITE);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		held_set_all(&held, true);
		add_anew(&held);
		held_set_bits(&held, pages[i], 1, false);
		held_use(&held, ACCESS_WRITE, pages[i]);

		held_set_all(&held, false);
		held_set_bits(&held, pages[i], 1, true);
		add_anew(&held);
		for (j = 0; j < ARRAY_SIZE(pages); j++)
			if (j != i)
				held_use(&held, ACCESS_WRITE, pages[j]);
		held_expect_held(&held, ACCESS_WRITE, pages[i]);
	}
}

/* The shadow MMU maps neighbours along with a page, if they are there. */
static void nested_guest_exits(void)
{
	struct held held;
	struct vm first;

	held_set(&held, ACCESS_READ);
	if (vm_populate(&held.scene.slot, held.scene.slot.gpa, 2 * SCENE_PAGE * vm_page_size()))
		ktap_fail("cannot populate the first pages");
	scene_put_value(held.scene.hva, SCENE_VALUE);
	held_set_all(&held, false);
	held_set_bits(&held, SCENE_PAGE, 1, true);

	/* In one VM, on a vCPU of its own each: KVM does not take a vCPU's CPUID once it has run. */
	first = held.scene.vm;
	held.scene.vm = vm_another_vcpu(&first, 1);
	guest_init_vcpu(&held.scene.vm);
	guest_access_nested(&first, ACCESS_READ, held.scene.gpa - vm_page_size(), SCENE_VALUE);
	expect_report(&first, "a nested guest's read of a page whose bit is clear", 0);
	guest_access_nested(&held.scene.vm, ACCESS_READ, held.scene.gpa, SCENE_VALUE);
	held_expect_served(&held, SCENE_VALUE);
}

static void interrupt_is_not_lost(void)
{
	struct held held;
	uint64_t top;

	held_set(&held, ACCESS_WRITE);
	top = held.scene.slot.gpa + (SCENE_PAGE + 1) * vm_page_size();
	held.scene.access = ACCESS_PUSH;
	held.scene.gpa = top - sizeof(uint32_t);
	guest_interrupt(&held.scene.vm, top);
	held_expect_served(&held, 1);
}

static void expect_string_output(void)
{
	struct held held;

	held_set(&held, ACCESS_READ);
	scene_put_value(held.scene.hva, SCENE_VALUE);
	guest_string_out(&held.scene.vm, held.scene.gpa);
	expect_report(&held.scene.vm, "string output from a held page", SCENE_VALUE);
}

static void expect_string_input(void)
{
	struct vm_exit exit;
	struct held held;

	held_set(&held, ACCESS_WRITE);
	guest_string_in(&held.scene.vm, held.scene.gpa);
	exit = vm_run_briefly(&held.scene.vm);
	if (!guest_give_input(&held.scene.vm, &exit, SCENE_VALUE))
		ktap_fail("string input to a held page: expected the guest to ask for it, got: %s", vm_describe(&exit));
	/* KVM has written it by the time that the guest looks, and is held. */
	held.scene.access = ACCESS_READ;
	held_expect_served(&held, SCENE_VALUE);
}

static void expect_clock(void)
{
	struct held held;
	uint8_t *clock;

	held_set(&held, ACCESS_READ);
	clock = held.scene.hva;
	guest_keep_clock(&held.scene.vm, held.scene.gpa);
	held_set_bits(&held, 0, 1, false);
	held_use(&held, ACCESS_READ, 0);
	if (!guest_clock_was_kept(clock))
		ktap_fail("expected KVM to keep its clock in a held page");
}

/*
 * KVM's own accesses, those of string I/O or of the clock, are none of the
 * guest's: the versions of 2024-12 to 2025-06 leave them to userfaultfd.
 */
static void own_accesses_work(void)
{
	expect_string_output();
	expect_string_input();
	expect_clock();
}

/* A kernel may refuse to, or may map nothing. What it may not is let the guest through. */
static void pre_fault_releases_nothing(void)
{
	struct held held;
	int error;

	/* A read: a kernel may map for reading alone what it maps in advance. */
	held_set(&held, ACCESS_READ);
	scene_put_value(held.scene.hva, SCENE_VALUE);
	error = vm_pre_fault(&held.scene.vm, held.scene.gpa - SCENE_OFFSET, vm_page_size());
	if (error == EOPNOTSUPP)
		ktap_skip("KVM_PRE_FAULT_MEMORY: %s", strerror(error));
	held_expect_served(&held, SCENE_VALUE);
}

struct runner {
	struct held held;
	pthread_t thread;
	struct vm_exit exit;
};

static void *run(void *arg)
{
	struct runner *runner = arg;

	runner->exit = vm_run(&runner->held.scene.vm);
	return NULL;
}

static void run_all(struct runner *runners)
{
	int i;

	for (i = 0; i < VCPUS; i++)
		if (pthread_create(&runners[i].thread, NULL, run, &runners[i]))
			ktap_fail("cannot start a thread");
	for (i = 0; i < VCPUS; i++)
		pthread_join(runners[i].thread, NULL);
}

static void expect_all_served(bool same_page)
{
	struct runner runners[VCPUS];
	uint32_t value;
	int i;

	held_set(&runners[0].held, ACCESS_WRITE);
	for (i = 0; i < VCPUS; i++) {
		struct scene *scene = &runners[i].held.scene;

		if (i) {
			runners[i].held = runners[0].held;
			scene->vm = vm_another_vcpu(&runners[0].held.scene.vm, i);
			guest_init_vcpu(&scene->vm);
		}
		scene_aim_at(scene, ACCESS_WRITE,
			     scene->slot.gpa + (SCENE_PAGE + (same_page ? 0 : i)) * vm_page_size() +
			     SCENE_OFFSET + i * sizeof(uint32_t));
	}

	run_all(runners);
	for (i = 0; i < VCPUS; i++)
		held_expect_told(&runners[i].held, &runners[i].exit, false);
	for (i = 0; i < VCPUS; i++)
		held_release(&runners[i].held, &runners[i].exit);
	run_all(runners);
	for (i = 0; i < VCPUS; i++) {
		struct scene *scene = &runners[i].held.scene;

		if (!guest_reported(&scene->vm, &runners[i].exit, &value))
			ktap_fail("vCPU %d: expected it to go on, as the page's bit is clear, got: %s", i,
				  vm_describe(&runners[i].exit));
		scene_expect_value(scene, "user space", SCENE_VALUE, scene_value_at(scene->hva));
	}
}

static void several_vcpus_exit(void)
{
	expect_all_served(true);
	expect_all_served(false);
}

static const struct check checks[] = {
	{ "system_and_vm_agree", system_and_vm_agree },
	{ "flag_accepted", flag_accepted },
	{ "flag_refused", flag_refused },
	{ "flag_refused_by_first_ioctl", flag_refused_by_first_ioctl },
	{ "enable_cap_refused", enable_cap_refused },
	{ "null_bitmap", null_bitmap },
	{ "unreadable_bitmap", unreadable_bitmap },
	{ "bitmap_ends_with_the_slot", bitmap_ends_with_the_slot },
	{ "read_exits", read_exits },
	{ "write_exits", write_exits },
	{ "fetch_exits", fetch_exits },
	{ "table_walk_exits", table_walk_exits },
	{ "clear_bit_just_works", clear_bit_just_works },
	{ "each_page_has_its_bit", each_page_has_its_bit },
	{ "nested_guest_exits", nested_guest_exits },
	{ "interrupt_is_not_lost", interrupt_is_not_lost },
	{ "own_accesses_work", own_accesses_work },
	{ "pre_fault_releases_nothing", pre_fault_releases_nothing },
	{ "several_vcpus_exit", several_vcpus_exit },
};

int main(void)
{
	return ktap_main("kvm_userfault", checks, ARRAY_SIZE(checks), tell_caps);
}
