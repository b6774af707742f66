/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What guests/<arch>/ provides: a guest that makes one access to its memory and
 * reports. Its own code and data lie in a populated slot, so that the access
 * asked for is the only one that can find memory missing.
 */
#ifndef KSERIES_GUEST_H
#define KSERIES_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm.h"

enum access {
	ACCESS_READ,
	ACCESS_WRITE,
	ACCESS_FETCH,
};

/* Slots from here on, at guest addresses from here on, are for the probe. */
#define GUEST_FIRST_SLOT	1
extern const uint64_t guest_free_gpa;

/* Create a VM of @type with one vCPU and the guest's own code. */
void guest_create(struct vm *vm, unsigned long type);

/*
 * Program the vCPU to access the 32 bits at @gpa next, once:
 *   ACCESS_READ   and to report what it read
 *   ACCESS_WRITE  store @value, and report @value once that is done
 *   ACCESS_FETCH  go on executing at @gpa, where guest_put_code() has put, or
 *                 will have put, what reports
 */
void guest_access(struct vm *vm, enum access access, uint64_t gpa, uint32_t value);

/* Write code to @hva that makes a guest which executes it report @value. */
void guest_put_code(void *hva, uint32_t value);

/* Is this exit the guest's report? If so, @value is what it reported. */
bool guest_reported(const struct vm *vm, const struct vm_exit *exit, uint32_t *value);

/*
 * The type of VM whose memory user space can mark private without more ado
 * (no firmware, no keys). False where this architecture or kernel has none.
 */
bool guest_private_vm_type(int kvm, unsigned long *type);

#endif
