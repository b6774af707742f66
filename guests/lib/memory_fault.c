// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "ktap.h"
#include "memory_fault.h"

static const struct {
	const char *name;
	uint64_t flag;			/* 0 where the headers have no name for it */
	uint64_t or_flag;		/* as good */
} accesses[] = {
	[ACCESS_READ] = { "read", FAULT_READ, FAULT_READ },
	[ACCESS_WRITE] = { "write", FAULT_WRITE, FAULT_WRITE },
	[ACCESS_FETCH] = { "fetch", FAULT_EXEC, FAULT_EXEC },
	/* Architectures differ in what they take a read-modify-write or a walk for (guest_walk_may_write). */
	[ACCESS_ATOMIC] = { "atomic", FAULT_WRITE, FAULT_READ },
	[ACCESS_WALK] = { "page-table walk", FAULT_READ, FAULT_WRITE },
	[ACCESS_PUSH] = { "interrupt frame", FAULT_WRITE, FAULT_WRITE },
};

const char *access_name(enum access access)
{
	return accesses[access].name;
}

/* What is wrong with the range, in words; NULL if nothing is. */
static const char *wrong_range(const struct vm_exit *exit, const struct expected_fault *expected)
{
	const struct slot *within = expected->within;
	uint64_t size = exit->size;

	if (!size)
		return "a size that is not 0";
	if (size & (size - 1))
		return "a size that is a power of two";
	if (size < vm_page_size())
		return "a size of at least a page, since memory is provided in pages";
	if (exit->gpa & (size - 1))
		return "a gpa aligned to the size";
	if (expected->gpa < exit->gpa || expected->gpa - exit->gpa >= size)
		return "a range that contains the accessed address";
	if (exit->gpa < within->gpa || size > within->size ||
	    exit->gpa - within->gpa > within->size - size)
		return "a range that lies within the guest's memory";
	return NULL;
}

void expect_memory_fault(const struct vm_exit *exit, const struct expected_fault *expected)
{
	const uint64_t all = FAULT_READ | FAULT_WRITE | FAULT_EXEC;
	const char *name = access_name(expected->access);
	unsigned long long gpa = expected->gpa;
	uint64_t flag = accesses[expected->access].flag;
	uint64_t or_flag = accesses[expected->access].or_flag;
	const char *wrong;

	if (expected->access == ACCESS_WALK && !guest_walk_may_write)
		or_flag = flag;
	if (exit->error != EFAULT || !exit->has_fault)
		ktap_fail("%s of %#llx: expected EFAULT with exit_reason KVM_EXIT_MEMORY_FAULT, got: %s",
			  name, gpa, vm_describe(exit));

	wrong = wrong_range(exit, expected);
	if (wrong)
		ktap_fail("%s of %#llx: expected %s, got: %s", name, gpa, wrong,
			  vm_describe(exit));

	if (!(exit->flags & FAULT_PRIVATE) != !expected->private)
		ktap_fail("%s of %#llx: expected KVM_MEMORY_EXIT_FLAG_PRIVATE to be %s, got: %s",
			  name, gpa, expected->private ? "set" : "clear", vm_describe(exit));

	/* A kernel that has no bit for this access cannot be asked for one. */
	if (flag && (exit->flags & all) != flag && (exit->flags & all) != or_flag)
		ktap_fail("%s of %#llx: expected access bits %#llx, got %#llx: %s",
			  name, gpa, (unsigned long long)flag,
			  (unsigned long long)(exit->flags & all), vm_describe(exit));
}
