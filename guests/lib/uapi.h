/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the uapi headers of the state under test may lack, and nothing else of
 * ours. No number is given to a name here: one series' number is another
 * feature's number elsewhere. A name that is not defined becomes "absent".
 */
#ifndef KSERIES_UAPI_H
#define KSERIES_UAPI_H

#include <linux/kvm.h>

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

/* In place of a flag: nothing to set, nothing to test. */
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

#ifdef KVM_MEMORY_EXIT_FLAG_PRIVATE
#define FAULT_PRIVATE			KVM_MEMORY_EXIT_FLAG_PRIVATE
#else
#define FAULT_PRIVATE			0
#endif

#endif
