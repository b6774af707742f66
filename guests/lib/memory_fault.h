/* SPDX-License-Identifier: GPL-2.0-only */
/* What KVM_EXIT_MEMORY_FAULT must say, whichever feature it comes from. */
#ifndef KSERIES_MEMORY_FAULT_H
#define KSERIES_MEMORY_FAULT_H

#include <stdbool.h>

#include "guest.h"

struct expected_fault {
	enum access access;
	uint64_t gpa;			/* what the guest accessed */
	bool private;
	const struct slot *within;	/* what user space can do something about */
};

/* "read", "write", "fetch" */
const char *access_name(enum access access);

/*
 * Fail the check unless @exit is EFAULT with a memory fault that describes the
 * expected access. Free to the kernel: how large a range it reports, so long as
 * that is a power of two, aligned, and around the access.
 */
void expect_memory_fault(const struct vm_exit *exit, const struct expected_fault *expected);

#endif
