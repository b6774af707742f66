// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU that moves to another VM. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "code.h"
#include "ktap.h"

#define MAX_REGS	1024
#define MAX_REG_BYTES	256	/* an SVE register of the largest size there is */

static struct kvm_reg_list *list_regs(const struct vm *vm)
{
	struct kvm_reg_list *list = calloc(1, sizeof(*list) + MAX_REGS * sizeof(list->reg[0]));

	if (!list)
		ktap_fail("no memory");
	list->n = MAX_REGS;
	if (ioctl(vm->vcpu, KVM_GET_REG_LIST, list))
		ktap_fail("KVM_GET_REG_LIST: %s", strerror(errno));
	return list;
}

void guest_move(const struct vm *from, struct vm *to)
{
	struct kvm_reg_list *list = list_regs(from);
	struct kvm_vcpu_events events;
	uint8_t value[MAX_REG_BYTES];
	uint64_t i;

	for (i = 0; i < list->n; i++) {
		struct kvm_one_reg reg = { .id = list->reg[i], .addr = (uintptr_t)value };

		if (ioctl(from->vcpu, KVM_GET_ONE_REG, &reg))
			ktap_fail("KVM_GET_ONE_REG of %#llx: %s", (unsigned long long)reg.id, strerror(errno));
		if (ioctl(to->vcpu, KVM_SET_ONE_REG, &reg))
			ktap_fail("KVM_SET_ONE_REG of %#llx: %s", (unsigned long long)reg.id, strerror(errno));
	}
	free(list);
	if (ioctl(from->vcpu, KVM_GET_VCPU_EVENTS, &events))
		ktap_fail("KVM_GET_VCPU_EVENTS: %s", strerror(errno));
	if (ioctl(to->vcpu, KVM_SET_VCPU_EVENTS, &events))
		ktap_fail("KVM_SET_VCPU_EVENTS: %s", strerror(errno));
}
