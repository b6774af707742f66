// SPDX-License-Identifier: GPL-2.0-only
/* KVM_MEM_EXIT_ON_MISSING with several vCPUs, and with what stops a vCPU otherwise. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>

#include "ktap.h"
#include "scene.h"

#define VCPUS		3
#define MAX_REPEATS	8	/* that are legal, of an exit whose page was provided */

struct runner {
	struct scene scene;
	pthread_t thread;
	struct vm_exit exit;
	bool done;		/* its guest has reported, and halts next */
};

/* Each in the midst of the same VM, and each about to access a page of its own or one for all. */
static void set_runners(struct runner *runners, bool same_page)
{
	int i;

	scene_set_missing(&runners[0].scene, ACCESS_WRITE);
	for (i = 0; i < VCPUS; i++) {
		struct scene *scene = &runners[i].scene;

		runners[i].done = false;
		if (i) {
			*scene = runners[0].scene;
			scene->vm = vm_another_vcpu(&runners[0].scene.vm, i);
			guest_init_vcpu(&scene->vm);
		}
		scene_aim_at(scene, ACCESS_WRITE,
			     scene->slot.gpa + (SCENE_PAGE + (same_page ? 0 : i)) * vm_page_size() +
			     SCENE_OFFSET + i * sizeof(uint32_t));
	}
}

static void *run(void *arg)
{
	struct runner *runner = arg;

	runner->exit = vm_run(&runner->scene.vm);
	return NULL;
}

/* Run those that have not reported, all at once, to the next exit of each. True if none is left. */
static bool run_all(struct runner *runners)
{
	bool all_done = true;
	uint32_t value;
	int i;

	for (i = 0; i < VCPUS; i++)
		if (!runners[i].done && pthread_create(&runners[i].thread, NULL, run, &runners[i]))
			ktap_fail("cannot start a thread");
	for (i = 0; i < VCPUS; i++) {
		if (runners[i].done)
			continue;
		pthread_join(runners[i].thread, NULL);
		runners[i].done = guest_reported(&runners[i].scene.vm, &runners[i].exit, &value);
		all_done = all_done && runners[i].done;
	}
	return all_done;
}

static void expect_missing_for_the_rest(struct runner *runners)
{
	int i;

	for (i = 0; i < VCPUS; i++)
		if (!runners[i].done)
			scene_expect_missing(&runners[i].scene, &runners[i].exit);
}

static void expect_all_served(bool same_page)
{
	struct runner runners[VCPUS];
	struct vm_mappings before;
	int i, rounds = 0;

	set_runners(runners, same_page);
	vm_see_mappings(&runners[0].scene.slot, &before);
	run_all(runners);
	for (i = 0; i < VCPUS; i++)
		scene_expect_missing(&runners[i].scene, &runners[i].exit);
	vm_expect_no_mapping_since(&runners[0].scene.slot, &before, "all vCPUs");
	for (i = 0; i < VCPUS; i++)
		scene_provide(&runners[i].scene, &runners[i].exit);

	while (!run_all(runners)) {
		expect_missing_for_the_rest(runners);
		if (++rounds > MAX_REPEATS)
			ktap_fail("expected all vCPUs to go on once their pages were there, got %d more exits of at least one",
				  rounds);
	}
	for (i = 0; i < VCPUS; i++)
		scene_expect_value(&runners[i].scene, "user space", SCENE_VALUE,
				   scene_value_at(runners[i].scene.hva));
}

static void one_page_for_all_vcpus(void)
{
	expect_all_served(true);
}

static void a_page_for_each_vcpu(void)
{
	expect_all_served(false);
}

/* A vCPU that waits for its page, however long that takes, keeps nobody from getting theirs. */
static void others_go_on_meanwhile(void)
{
	struct runner runners[VCPUS];
	struct vm_exit exit;
	int i;

	set_runners(runners, false);
	scene_run_into_missing(&runners[0].scene);
	for (i = 1; i < VCPUS; i++) {
		struct scene *scene = &runners[i].scene;

		exit = scene_run_into_missing(scene);
		scene_provide(scene, &exit);
		scene_expect_served(scene);
	}
	/* An exit of theirs may have told of a range with this page in it. */
	if (vm_is_mapped(runners[0].scene.hva))
		return;
	scene_run_into_missing(&runners[0].scene);
	scene_expect_served(&runners[0].scene);
}

static void immediate_exit_while_parked(void)
{
	struct vm_exit exit;
	struct scene scene;

	scene_set_missing(&scene, ACCESS_WRITE);
	scene_run_into_missing(&scene);
	scene.vm.run->immediate_exit = 1;
	exit = vm_run_once(&scene.vm);
	if (exit.error != EINTR)
		ktap_fail("immediate_exit: expected EINTR, got: %s", vm_describe(&exit));
	scene.vm.run->immediate_exit = 0;
	exit = scene_run_into_missing(&scene);
	scene_provide(&scene, &exit);
	scene_expect_served(&scene);
}

static void never_mind(int signal)
{
	(void)signal;
}

/* Blocked here, and let through while KVM_RUN is under way. */
static void hold_signal(struct vm *vm)
{
	const struct sigaction action = { .sa_handler = never_mind };
	struct {
		struct kvm_signal_mask head;
		uint8_t set[8];		/* the kernel's sigset_t */
	} mask = { .head.len = 8 };
	sigset_t blocked;

	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	if (ioctl(vm->vcpu, KVM_SET_SIGNAL_MASK, &mask))
		ktap_fail("KVM_SET_SIGNAL_MASK: %s", strerror(errno));
	raise(SIGUSR1);
}

/* A signal may come first or the exit may; after it, the exit comes. */
static void signal_while_parked(void)
{
	struct vm_exit exit;
	struct scene scene;
	sigset_t pending;

	scene_set_missing(&scene, ACCESS_WRITE);
	scene_run_into_missing(&scene);
	hold_signal(&scene.vm);
	exit = vm_run_once(&scene.vm);
	if (exit.error != EINTR)
		scene_expect_missing(&scene, &exit);
	sigemptyset(&pending);
	sigaddset(&pending, SIGUSR1);
	sigtimedwait(&pending, NULL, &(struct timespec){ 0 });
	exit = scene_run_into_missing(&scene);
	scene_provide(&scene, &exit);
	scene_expect_served(&scene);
}

static const struct check checks[] = {
	{ "one_page_for_all_vcpus", one_page_for_all_vcpus },
	{ "a_page_for_each_vcpu", a_page_for_each_vcpu },
	{ "others_go_on_meanwhile", others_go_on_meanwhile },
	{ "immediate_exit_while_parked", immediate_exit_while_parked },
	{ "signal_while_parked", signal_while_parked },
};

int main(void)
{
	return ktap_main("exit_on_missing_vcpus", checks, ARRAY_SIZE(checks), NULL);
}
