/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the uapi headers of the state under test may lack, and nothing else of
 * ours. No number is given to a name here: one series' number is another
 * feature's number elsewhere. A name that is not defined becomes "absent".
 */
#ifndef KSERIES_UAPI_H
#define KSERIES_UAPI_H

#include <linux/kvm.h>

#include "members.h"

/* In place of a capability's number: not defined, so not advertised. */
#define CAP_ABSENT			(-1)

#ifdef KVM_CAP_MEMORY_FAULT_INFO
#define CAP_MEMORY_FAULT_INFO		KVM_CAP_MEMORY_FAULT_INFO
#else
#define CAP_MEMORY_FAULT_INFO		CAP_ABSENT
#endif

#ifdef KVM_CAP_EXIT_ON_MISSING
#define CAP_EXIT_ON_MISSING		KVM_CAP_EXIT_ON_MISSING
#else
#define CAP_EXIT_ON_MISSING		CAP_ABSENT
#endif

#ifdef KVM_CAP_USER_MEMORY2
#define CAP_USER_MEMORY2		KVM_CAP_USER_MEMORY2
#else
#define CAP_USER_MEMORY2		CAP_ABSENT
#endif

#ifdef KVM_CAP_PRE_FAULT_MEMORY
#define CAP_PRE_FAULT_MEMORY		KVM_CAP_PRE_FAULT_MEMORY
#else
#define CAP_PRE_FAULT_MEMORY		CAP_ABSENT
#endif

#ifdef KVM_CAP_VM_TYPES
#define CAP_VM_TYPES			KVM_CAP_VM_TYPES
#else
#define CAP_VM_TYPES			CAP_ABSENT
#endif

/*
 * A proposal of 2024-07 has a capability of this name, too, for an attribute of
 * memory. Ours is the one with a flag and a bitmap for each slot.
 */
#if defined(KVM_CAP_USERFAULT) && defined(KVM_MEM_USERFAULT) && defined(HAS_USERFAULT_BITMAP)
#define CAP_USERFAULT			KVM_CAP_USERFAULT
#else
#define CAP_USERFAULT			CAP_ABSENT
#endif

#ifdef KVM_CAP_GUEST_MEMFD_FLAGS
#define CAP_GUEST_MEMFD_FLAGS		KVM_CAP_GUEST_MEMFD_FLAGS
#else
#define CAP_GUEST_MEMFD_FLAGS		CAP_ABSENT
#endif

/* In place of a flag: nothing to set, nothing to test. */
#if defined(KVM_MEM_USERFAULT) && defined(HAS_USERFAULT_BITMAP)
#define MEM_USERFAULT			KVM_MEM_USERFAULT
#else
#define MEM_USERFAULT			0
#endif

#ifdef KVM_MEM_EXIT_ON_MISSING
#define MEM_EXIT_ON_MISSING		KVM_MEM_EXIT_ON_MISSING
#else
#define MEM_EXIT_ON_MISSING		0
#endif

#ifdef KVM_MEMORY_EXIT_FLAG_READ
#define FAULT_READ			KVM_MEMORY_EXIT_FLAG_READ
#else
#define FAULT_READ			0
#endif

#ifdef KVM_MEMORY_EXIT_FLAG_WRITE
#define FAULT_WRITE			KVM_MEMORY_EXIT_FLAG_WRITE
#else
#define FAULT_WRITE			0
#endif

#ifdef KVM_MEMORY_EXIT_FLAG_EXEC
#define FAULT_EXEC			KVM_MEMORY_EXIT_FLAG_EXEC
#else
#define FAULT_EXEC			0
#endif

#ifdef KVM_MEMORY_EXIT_FLAG_USERFAULT
#define FAULT_USERFAULT			KVM_MEMORY_EXIT_FLAG_USERFAULT
#else
#define FAULT_USERFAULT			0
#endif

#ifdef KVM_MEMORY_EXIT_FLAG_PRIVATE
#define FAULT_PRIVATE			KVM_MEMORY_EXIT_FLAG_PRIVATE
#else
#define FAULT_PRIVATE			0
#endif

/* A guest_memfd that is all of a slot, and that user space maps. */
#if defined(GUEST_MEMFD_FLAG_MMAP) && defined(GUEST_MEMFD_FLAG_INIT_SHARED)
#define GUEST_MEMFD_WHOLE		(GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED)
#else
#define GUEST_MEMFD_WHOLE		0
#endif

/* Whole requests, with the structures that they take: what needs one that is not there says so. */
#ifdef KVM_SET_USER_MEMORY_REGION2
#define HAS_MEMORY_REGION2		1
#endif

#if defined(KVM_CREATE_GUEST_MEMFD) && defined(KVM_MEM_GUEST_MEMFD) && defined(HAS_MEMORY_REGION2)
#define HAS_GUEST_MEMFD			1
#endif

#if defined(KVM_SET_MEMORY_ATTRIBUTES) && defined(KVM_MEMORY_ATTRIBUTE_PRIVATE)
#define HAS_MEMORY_ATTRIBUTES		1
#endif

#ifdef KVM_PRE_FAULT_MEMORY
#define HAS_PRE_FAULT_MEMORY		1
#endif

#ifdef KVM_EXIT_MEMORY_FAULT
#define HAS_MEMORY_FAULT		1
#endif

#ifdef KVM_X86_SW_PROTECTED_VM
#define HAS_SW_PROTECTED_VM		1
#endif

#endif
