/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What init says: to the host on a channel that no printk can tear apart, and of
 * itself on the console.
 */
#ifndef INIT_CHANNEL_H
#define INIT_CHANNEL_H

#include <stddef.h>

/* The channel is told by the environment: KTAP=ttyS1. Its file, or -1 where there is none. */
int channel_open(void);
void channel_write(const char *text, size_t len);
/* A line of it. */
__attribute__((format(printf, 1, 2))) void say(const char *fmt, ...);

/* errno, on the console. */
void complain(const char *what, const char *where);
/* No PID 1, no kernel: the panic that follows tells the host at once. */
_Noreturn void die(const char *what, const char *where);

#endif
