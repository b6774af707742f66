/* SPDX-License-Identifier: GPL-2.0-only */
/* userfaultfd (Documentation/admin-guide/mm/userfaultfd.rst): who would be told of a missing page. */
#ifndef KSERIES_USERFAULT_H
#define KSERIES_USERFAULT_H

#include <linux/userfaultfd.h>
#include <stdbool.h>

#include "vm.h"

/* A userfaultfd over the whole slot; skips the check where the kernel has not got it. */
int userfault_watch(const struct slot *slot, uint64_t mode, uint64_t features);

/* Resolve the page at @hva. 0 or an errno. */
int userfault_copy(int fd, uint8_t *hva, const void *from, size_t size);
int userfault_continue(int fd, uint8_t *hva, size_t size);
int userfault_zero(int fd, uint8_t *hva, size_t size);
/* Have writes to the page at @hva raise events, or no more. 0 or an errno. */
int userfault_protect(int fd, uint8_t *hva, size_t size, bool protect);

/* Fail the check if anybody faulted on the memory; waits a little for one that is slow. */
void userfault_expect_silence(int fd);
/* Wait for somebody to fault on the page at @hva. False if nobody does. */
bool userfault_came(int fd, const uint8_t *hva);

#endif
