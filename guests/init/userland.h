/* SPDX-License-Identifier: GPL-2.0-only */
/* A root file system of somebody's programs, beside init's own. */
#ifndef INIT_USERLAND_H
#define INIT_USERLAND_H

#include <stdbool.h>

/* What "init" is told, by a shell that wants it mounted: the kernel tells it no such word. */
#define MOUNT_USERLAND	"--mount-userland"
/* What a kernel runs that wants a module (CONFIG_MODPROBE_PATH); where there are any, a link to init. */
#define MODPROBE	"/sbin/modprobe"

/* False where there is one, and it cannot be mounted. */
bool show_userland(void);

/*
 * The userland as one command has it: what it mounts, and what it writes to /tmp and
 * /run, goes with it, however much that is.
 */
void enter_userland(void);

/* The kernel has no other root than ours, and modprobe is in the userland. */
_Noreturn void load_module(char *const *argv);

#endif
