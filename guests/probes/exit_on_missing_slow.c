// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_MEM_EXIT_ON_MISSING in races, which are won once in many tries: each check
 * here takes more than a second, so that --quick leaves this probe out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"
#include "ktap.h"
#include "scene.h"

#define RACE_MS		1500

/* Somebody who discards a page, a while after the start. */
struct discarder {
	pthread_barrier_t start, end;
	uint8_t *page;
	long long delay_ns;
	bool over;
};

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void *discard(void *arg)
{
	struct discarder *discarder = arg;

	for (;;) {
		long long until;

		pthread_barrier_wait(&discarder->start);
		if (discarder->over)
			return NULL;
		until = now_ns() + discarder->delay_ns;
		while (now_ns() < until)
			;
		if (madvise(discarder->page, vm_page_size(), MADV_DONTNEED))
			ktap_fail("MADV_DONTNEED: %s", strerror(errno));
		pthread_barrier_wait(&discarder->end);
	}
}

/*
 * The guest reads a page while it is discarded. It may have read what was there,
 * or have found it missing; either way it finds it missing from then on.
 */
static void race(struct scene *scene, struct discarder *discarder)
{
	long long began, took;
	struct vm_exit exit;
	uint32_t value;

	if (vm_populate(&scene->slot, scene->gpa - SCENE_OFFSET, vm_page_size()))
		ktap_fail("cannot populate a page");
	scene_put_value(scene->hva, SCENE_VALUE);
	scene_aim(scene, ACCESS_READ, SCENE_PAGE);

	pthread_barrier_wait(&discarder->start);
	began = now_ns();
	exit = vm_run_briefly(&scene->vm);
	took = now_ns() - began;
	pthread_barrier_wait(&discarder->end);
	/* Anywhere within KVM_RUN, next time. */
	discarder->delay_ns = rand() % (took + 1);

	if (guest_reported(&scene->vm, &exit, &value))
		scene_expect_value(scene, "the guest", SCENE_VALUE, value);
	else
		scene_expect_missing(scene, &exit);
	if (vm_is_mapped(scene->hva))
		ktap_fail("expected a page that was discarded to be missing, but somebody has mapped it");
	scene_aim(scene, ACCESS_READ, SCENE_PAGE);
	scene_run_into_missing(scene);
}

static void discarded_while_running(void)
{
	long long deadline = clock_ms() + RACE_MS;
	struct discarder discarder = { .over = false };
	struct scene scene;
	pthread_t thread;

	scene_set_missing(&scene, ACCESS_READ);
	discarder.page = scene_page(&scene);
	pthread_barrier_init(&discarder.start, NULL, 2);
	pthread_barrier_init(&discarder.end, NULL, 2);
	if (pthread_create(&thread, NULL, discard, &discarder))
		ktap_fail("cannot start a thread");
	while (clock_ms() < deadline)
		race(&scene, &discarder);
	discarder.over = true;
	pthread_barrier_wait(&discarder.start);
	pthread_join(thread, NULL);
}

static const struct check checks[] = {
	{ "discarded_while_running", discarded_while_running },
};

int main(void)
{
	return ktap_main("exit_on_missing_slow", checks, ARRAY_SIZE(checks), NULL);
}
