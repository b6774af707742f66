/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a command makes of processes: not so many that the guest no longer gets
 * anywhere, and none that outlives it.
 */
#ifndef INIT_PROCESSES_H
#define INIT_PROCESSES_H

#include <stdbool.h>

/* Death by SIGKILL is a matter of microseconds, unless the kernel is stuck. */
#define REAP_MS		2000

/*
 * From here on there are at most BESIDES more threads than now, in a guest with much
 * memory more of them, until unbound_threads(). Only as PID 1: it is the whole machine's.
 */
void bound_threads(void);
void unbound_threads(void);
/* Are there as many as there may be? */
bool at_bound(void);

/*
 * Kill what a command left behind, whatever group and session it made its own; who is
 * killed comes to init (pid_namespaces(7)). False if something does not die. Only as
 * PID 1: for anybody else "all" is more than the children of init. Every second beat()
 * is called, for many die slowly on a slow machine.
 */
bool kill_all(void (*beat)(void));

#endif
