/* SPDX-License-Identifier: GPL-2.0-only */
/* Kinds of memory that user space can put behind a slot. Each skips the check where there is none. */
#ifndef KSERIES_BACKING_H
#define KSERIES_BACKING_H

#include "vm.h"

/* The size of a huge page, in bytes. */
size_t backing_huge_size(void);

/* A memory file, mapped shared; @fd is for filling it behind the mapping's back. */
struct slot backing_shmem(uint32_t id, uint64_t gpa, size_t size, int *fd);
/* One huge page of hugetlbfs. */
struct slot backing_hugetlb(uint32_t id, uint64_t gpa);
/* Anonymous memory for one transparent huge page. */
struct slot backing_thp(uint32_t id, uint64_t gpa);
/*
 * Skip the check unless a huge page came, of which somebody has touched a part,
 * and keep the kernel from making another one of what becomes of it.
 */
void backing_need_thp(const struct slot *memory);

#endif
