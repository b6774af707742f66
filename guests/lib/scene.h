/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that is about to access memory in a slot with KVM_MEM_EXIT_ON_MISSING,
 * and what has to come of it.
 *
 * "Missing" is what the kernel's fast path calls so: a repeat of an exit after
 * the page was provided is legal. Judged are progress and the guest's data, not
 * the number of exits.
 */
#ifndef KSERIES_SCENE_H
#define KSERIES_SCENE_H

#include "memory_fault.h"

/* Enough to see a range that is off by a page, or too large. */
#define SCENE_PAGES	16
#define SCENE_PAGE	5
#define SCENE_OFFSET	0x240

#define SCENE_VALUE	0x5eed1e55

struct scene {
	struct vm vm;
	struct slot slot;
	enum access access;
	uint64_t gpa;		/* what the guest accesses */
	uint8_t *hva;		/* the same, for us */
	uint32_t provided;	/* a bit for each of the first pages of the slot that scene_provide() has */
};

/* Skip the check where the capability is not advertised. */
void scene_need_capability(const struct vm *vm);

/* A guest about to access a page that nobody ever touched, in a slot with @flags. */
void scene_set(struct scene *scene, uint32_t flags, enum access access);
/* The same with the flag: what most checks begin with. */
void scene_set_missing(struct scene *scene, enum access access);
/* The same in memory of the caller's. */
void scene_set_in(struct scene *scene, const struct slot *memory, uint32_t flags, enum access access);
/* Have the guest access another place next. */
void scene_aim(struct scene *scene, enum access access, unsigned int page);
void scene_aim_at(struct scene *scene, enum access access, uint64_t gpa);

/* Fail the check unless @exit tells of a missing page where the guest is. */
void scene_expect_missing(const struct scene *scene, const struct vm_exit *exit);
/* Run to an exit that tells of the missing page, and that has left user space's memory alone. */
struct vm_exit scene_run_into_missing(struct scene *scene);
/* Populate what @exit tells, and remember it. */
void scene_provide(struct scene *scene, const struct vm_exit *exit);
bool scene_has_provided(const struct scene *scene, unsigned int page);
/* Run until the guest has reported, populating on the way. */
uint32_t scene_run_to_report(struct scene *scene);
/* The same for a write, after which user space has to see what was written. */
void scene_expect_served(struct scene *scene);
/* The page is there for good: run to the report; at most a few repeats, and @how says who provided. */
void scene_expect_progress(struct scene *scene, const char *how, uint32_t value);
/* Run to the report, without any exit before. */
void scene_expect_no_exit(struct scene *scene, uint32_t reported);
void scene_expect_value(const struct scene *scene, const char *who, uint32_t expected, uint32_t got);

/* Fail the check if the guest has written to the page of zeroes that all of user space shares. */
void scene_expect_zeroes_elsewhere(const struct scene *scene);

uint32_t scene_value_at(const uint8_t *hva);
void scene_put_value(uint8_t *hva, uint32_t value);
/* The first byte of the page that the guest accesses, for us. */
uint8_t *scene_page(const struct scene *scene);

#endif
