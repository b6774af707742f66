/* SPDX-License-Identifier: GPL-2.0-only */
/* Which system calls there are, asked in a way that does no harm. */
#ifndef KSERIES_SYSCALLS_H
#define KSERIES_SYSCALLS_H

#include <stdbool.h>

/* Numbers that are asked for: those of today end below 500. */
#define SYSCALL_NUMBERS	1024

/*
 * Set @there of each number that is not answered with ENOSYS. Those that would not
 * come back, or could do something whatever their arguments, are never called, and
 * count as not there. Each is called by a process that may die of it.
 */
void syscalls_find(bool there[SYSCALL_NUMBERS]);

#endif
