// SPDX-License-Identifier: GPL-2.0-only
/* KVM_MEM_USERFAULT where KVM maps more than a page at once, and where memory is private. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backing.h"
#include "held.h"
#include "ktap.h"

/* A page well within a huge one, of which it alone is held. */
#define MIDDLE	300

static void need_middle(const struct slot *memory)
{
	if (memory->size / vm_page_size() <= MIDDLE + 1)
		ktap_skip("huge pages of %zu bytes are too small for this check", memory->size);
	if (vm_populate(memory, memory->gpa, memory->size))
		ktap_fail("cannot populate a huge page");
}

static void hold_middle(struct held *held)
{
	held_set_all(held, false);
	held_set_bits(held, MIDDLE, 1, true);
}

/* The neighbours go on, the page in the middle waits, and goes on as well when it is released. */
static void expect_middle_held(struct held *held)
{
	held_use(held, ACCESS_WRITE, MIDDLE - 1);
	held_use(held, ACCESS_READ, MIDDLE + 1);
	held_expect_held(held, ACCESS_READ, MIDDLE);
	held_expect_held(held, ACCESS_WRITE, MIDDLE);
	held_expect_served(held, SCENE_VALUE);
}

static void held_from_the_start(const struct slot *memory)
{
	struct held held;

	need_middle(memory);
	held_set_in(&held, memory, 0, ACCESS_WRITE);
	hold_middle(&held);
	expect_middle_held(&held);
}

/* The guest has used the huge page before, and KVM mapped all of it. */
static void held_late(const struct slot *memory)
{
	struct held held;

	need_middle(memory);
	held_set_unflagged(&held, memory, ACCESS_WRITE);
	held_use(&held, ACCESS_WRITE, 0);
	held_use(&held, ACCESS_WRITE, MIDDLE);
	hold_middle(&held);
	held_change(&held, MEM_USERFAULT);
	expect_middle_held(&held);

	/* And back: all of it may be mapped again, and has what was written. */
	held_set_all(&held, true);
	held_change(&held, 0);
	scene_aim(&held.scene, ACCESS_READ, MIDDLE - 1);
	scene_expect_no_exit(&held.scene, SCENE_VALUE);
}

static struct slot transparent(void)
{
	struct slot memory;

	held_need_capability();
	memory = backing_thp(GUEST_FIRST_SLOT, guest_free_gpa);
	if (vm_populate(&memory, memory.gpa, vm_page_size()))
		ktap_fail("cannot populate a page");
	backing_need_thp(&memory);
	return memory;
}

static struct slot of_hugetlb(void)
{
	held_need_capability();
	return backing_hugetlb(GUEST_FIRST_SLOT, guest_free_gpa);
}

static void thp_is_held(void)
{
	struct slot one = transparent(), other = transparent();

	held_from_the_start(&one);
	held_late(&other);
}

static void hugetlb_is_held(void)
{
	struct slot one = of_hugetlb(), other = of_hugetlb();

	held_from_the_start(&one);
	held_late(&other);
}

/* After which small pages make place for huge ones, where nothing is held. */
static void logging_switched_off_releases_nothing(void)
{
	struct slot memory = transparent();
	struct held held;

	need_middle(&memory);
	held_set_in(&held, &memory, KVM_MEM_LOG_DIRTY_PAGES, ACCESS_WRITE);
	hold_middle(&held);
	held_use(&held, ACCESS_WRITE, 0);
	held_use(&held, ACCESS_WRITE, MIDDLE - 1);
	held_change(&held, MEM_USERFAULT);
	expect_middle_held(&held);
}

#ifdef HAS_GUEST_MEMFD
static int create_guest_memfd(struct vm *vm, size_t size)
{
	struct kvm_create_guest_memfd file = { .size = size };
	int fd = ioctl(vm->fd, KVM_CREATE_GUEST_MEMFD, &file);

	if (fd < 0)
		ktap_skip("no guest_memfd: %s", strerror(errno));
	return fd;
}
#else
static int create_guest_memfd(struct vm *vm, size_t size)
{
	(void)vm;
	(void)size;
	ktap_skip("the headers of this kernel do not define KVM_CREATE_GUEST_MEMFD");
}
#endif

struct half {
	struct held held;
	int file;
	bool private;
};

/* A guest in a slot of the size of a huge page that has a guest_memfd for its private half. */
static void set_half(struct half *half, uint32_t flags, bool private)
{
	struct held *held = &half->held;
	struct slot memory;
	unsigned long type;
	int error;

	held_need_capability();
	if (!guest_private_vm_type(vm_open_kvm(), &type))
		ktap_skip("no type of VM here has private memory");
	memset(half, 0, sizeof(*half));
	half->private = private;
	guest_create(&held->scene.vm, type);
	memory = vm_memory(GUEST_FIRST_SLOT, guest_free_gpa, backing_huge_size() / vm_page_size());
	held->scene.slot = memory;
	half->file = create_guest_memfd(&held->scene.vm, memory.size);
	held_new_bitmap(held, &memory);
	error = held_set_slot_guest_memfd(&held->scene.vm, &memory, flags, held->bitmap, half->file);
	if (error == EINVAL && flags)
		ktap_skip("KVM_MEM_USERFAULT is refused with KVM_MEM_GUEST_MEMFD");
	if (error)
		ktap_fail("cannot add a slot with a guest_memfd and flags %#x: %s", flags, strerror(error));
	error = private ? vm_set_private(&held->scene.vm, memory.gpa, memory.size, true) : 0;
	if (error)
		ktap_fail("cannot make memory private: %s", strerror(error));
	scene_aim(&held->scene, ACCESS_WRITE, SCENE_PAGE);
}

static void expect_half_held(struct half *half, enum access access, unsigned int page)
{
	struct vm_exit exit;

	scene_aim(&half->held.scene, access, page);
	exit = vm_run_briefly(&half->held.scene.vm);
	held_expect_told(&half->held, &exit, half->private);
}

/* What the guest reads of private memory is for nobody else to see. */
static void expect_in_private(struct half *half, unsigned int page, uint32_t value)
{
	struct vm_exit exit;
	uint32_t got;

	scene_aim(&half->held.scene, ACCESS_READ, page);
	exit = vm_run_briefly(&half->held.scene.vm);
	if (!guest_reported(&half->held.scene.vm, &exit, &got))
		ktap_fail("read of %#llx: expected the guest to go on, as nothing holds the page, got: %s",
			  (unsigned long long)half->held.scene.gpa, vm_describe(&exit));
	scene_expect_value(&half->held.scene, "the guest", value, got);
}

static void expect_half_served(struct half *half)
{
	expect_half_held(half, ACCESS_READ, SCENE_PAGE);
	expect_half_held(half, ACCESS_WRITE, SCENE_PAGE);
	held_set_bits(&half->held, SCENE_PAGE, 1, false);
	held_use(&half->held, ACCESS_WRITE, SCENE_PAGE);
	expect_in_private(half, SCENE_PAGE, SCENE_VALUE);
	expect_half_held(half, ACCESS_WRITE, SCENE_PAGE + 1);
}

/* Change the flags of a slot with a guest_memfd. False if the kernel does not let us, as it may. */
static bool changed(struct half *half, uint32_t flags, const char *what)
{
	struct held *held = &half->held;
	int error = held_set_slot_guest_memfd(&held->scene.vm, &held->scene.slot, flags, held->bitmap, half->file);

	if (error && error != EINVAL)
		ktap_fail("%s on a live slot with a guest_memfd: expected success or EINVAL, got %s", what, strerror(error));
	return !error;
}

/* Whoever goes first, memory or VM: what is left must not reach for what is gone. */
static void tear_down(struct half *half, bool memory_first)
{
	struct vm *vm = &half->held.scene.vm;
	struct vm_exit exit;

	if (memory_first) {
		close(half->file);
		scene_aim(&half->held.scene, ACCESS_WRITE, SCENE_PAGE);
		exit = vm_run_briefly(vm);
		if (exit.error && exit.error != EFAULT)
			ktap_fail("guest_memfd closed: expected the guest to go on or EFAULT, got: %s", vm_describe(&exit));
	}
	munmap(vm->run, ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	close(vm->vcpu);
	close(vm->fd);
	if (!memory_first)
		close(half->file);
}

static void expect_half_is_held(bool private)
{
	struct half half;
	int i;

	for (i = 0; i < 2; i++) {
		set_half(&half, MEM_USERFAULT, private);
		expect_half_served(&half);
		tear_down(&half, i);
	}
}

/* Both what is private, and the shared memory in its place. */
static void guest_memfd_is_held(void)
{
	expect_half_is_held(true);
	expect_half_is_held(false);
}

static void expect_set_late(bool memory_first)
{
	struct half half;

	set_half(&half, 0, true);
	held_use(&half.held, ACCESS_WRITE, SCENE_PAGE);
	held_set_bits(&half.held, SCENE_PAGE + 2, 1, false);
	if (changed(&half, MEM_USERFAULT, "setting KVM_MEM_USERFAULT")) {
		expect_half_held(&half, ACCESS_READ, SCENE_PAGE);
		expect_half_held(&half, ACCESS_WRITE, SCENE_PAGE + 1);
		held_use(&half.held, ACCESS_WRITE, SCENE_PAGE + 2);
		held_set_bits(&half.held, SCENE_PAGE, 1, false);
	}
	expect_in_private(&half, SCENE_PAGE, SCENE_VALUE);
	tear_down(&half, memory_first);
}

static void expect_cleared_late(bool memory_first)
{
	struct half half;

	set_half(&half, MEM_USERFAULT, true);
	held_set_bits(&half.held, SCENE_PAGE, 1, false);
	held_use(&half.held, ACCESS_WRITE, SCENE_PAGE);
	if (changed(&half, 0, "clearing KVM_MEM_USERFAULT"))
		held_use(&half.held, ACCESS_WRITE, SCENE_PAGE + 1);
	else
		expect_half_held(&half, ACCESS_WRITE, SCENE_PAGE + 1);
	expect_in_private(&half, SCENE_PAGE, SCENE_VALUE);
	tear_down(&half, memory_first);
}

static void guest_memfd_changed_late(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		expect_set_late(i);
		expect_cleared_late(i);
	}
}

static const struct check checks[] = {
	{ "thp_is_held", thp_is_held },
	{ "hugetlb_is_held", hugetlb_is_held },
	{ "logging_switched_off_releases_nothing", logging_switched_off_releases_nothing },
	{ "guest_memfd_is_held", guest_memfd_is_held },
	{ "guest_memfd_changed_late", guest_memfd_changed_late },
};

int main(void)
{
	return ktap_main("kvm_userfault_backing", checks, ARRAY_SIZE(checks), NULL);
}
