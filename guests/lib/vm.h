/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM, its memory and its vCPU, as any architecture has them. What cannot fail
 * on a kernel that works at all fails the check; what a check is about returns
 * an errno instead.
 */
#ifndef KSERIES_VM_H
#define KSERIES_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uapi.h"

/* The type of VM that every architecture has. */
#define VM_TYPE_DEFAULT	0

struct vm {
	int kvm;
	int fd;
	int vcpu;
	struct kvm_run *run;
	uint8_t *own;		/* the guest's own memory, as guests/<arch>/ laid it out */
	bool takes_interrupts;
};

/* A range of guest memory, and the anonymous memory of ours behind it. */
struct slot {
	uint32_t id;
	uint64_t gpa;
	size_t size;
	uint8_t *hva;
};

/* How KVM_RUN came back. */
struct vm_exit {
	int error;			/* 0, or the errno */
	uint32_t reason;		/* nothing to go by unless error is 0, EFAULT or EHWPOISON */
	bool has_fault;			/* the rest is what memory_fault says */
	uint64_t flags;
	uint64_t gpa;
	uint64_t size;
};

size_t vm_page_size(void);

/* Of guests/<arch>/: what this CPU has in the place of what KVM needs; NULL where it has that. */
const char *vm_cpu_lacks(void);

/* Skips the check on such a CPU. */
int vm_open_kvm(void);
/* KVM_CHECK_EXTENSION on either fd; 0 for CAP_ABSENT. */
int vm_cap(int fd, int cap);
/* Skip the check unless the capability is there; @name is what it is called. */
void vm_need_cap(int fd, int cap, const char *name);

/* A VM with neither memory nor vCPU; guest_create() gives it both. */
void vm_create(struct vm *vm, unsigned long type);
void vm_add_vcpu(struct vm *vm);
/* One more vCPU of the same VM, as a struct vm of its own. */
struct vm vm_another_vcpu(const struct vm *vm, int id);

/* Memory that nobody has touched, not yet known to the VM. */
struct slot vm_memory(uint32_t id, uint64_t gpa, size_t pages);
/* A slot over memory that the caller has mapped. */
struct slot vm_memory_at(uint32_t id, uint64_t gpa, void *hva, size_t size);
/* Make @slot known to the VM, or change its flags. 0 or an errno. */
int vm_set_slot(struct vm *vm, const struct slot *slot, uint32_t flags);
/* The same through KVM_SET_USER_MEMORY_REGION, which has flags of its own. */
int vm_set_slot_v1(struct vm *vm, const struct slot *slot, uint32_t flags);
/* Whether a guest_memfd can be all of a slot of this VM. */
bool vm_guest_memfd_is_whole(const struct vm *vm);

/*
 * Make @slot known with a guest_memfd for its private half, or, where one can be
 * all of it, with one that is mapped at its @hva; skips the check where there is none.
 */
int vm_set_slot_guest_memfd(struct vm *vm, const struct slot *slot, uint32_t flags);

/* The host address of a guest address. */
void *vm_hva(const struct slot *slot, uint64_t gpa);
/* Provide the pages of a guest range, writable. 0 or an errno. */
int vm_populate(const struct slot *slot, uint64_t gpa, uint64_t size);
/* Does this process map a page at @hva? Skips the check where nobody can tell. */
bool vm_is_mapped(const void *hva);

/* What this process maps in a slot, as far as anybody is told of it. */
#define VM_SEEN_PAGES	512
struct vm_mappings {
	size_t pages;
	uint64_t entries[VM_SEEN_PAGES];
};

/* Look at the first VM_SEEN_PAGES pages of @slot. Skips the check where nobody can tell. */
void vm_see_mappings(const struct slot *slot, struct vm_mappings *mappings);
/* Fail the check, which expects it of @who, if it has come to map another page since, or one page more. */
void vm_expect_no_mapping_since(const struct slot *slot, const struct vm_mappings *before, const char *who);

/* Mark a guest range private or shared. 0 or an errno. */
int vm_set_private(struct vm *vm, uint64_t gpa, uint64_t size, bool private);

/* Have KVM map a guest range. 0 or an errno; skips the check where it cannot be asked to. */
int vm_pre_fault(struct vm *vm, uint64_t gpa, uint64_t size);

/* Run until user space has to look; a signal alone is no reason to. */
struct vm_exit vm_run(struct vm *vm);
/* KVM_RUN once, whatever it comes back with. */
struct vm_exit vm_run_once(struct vm *vm);
/* The same, but a KVM_RUN that blocks comes back with EINTR after two seconds. */
struct vm_exit vm_run_briefly(struct vm *vm);
/*
 * Let KVM finish the I/O instruction that it last came back with, and nothing
 * after it. To be called before registers are set anew.
 */
void vm_finish_io(struct vm *vm);

/* An exit in words. The text is good until the next call. */
const char *vm_describe(const struct vm_exit *exit);

#endif
