// SPDX-License-Identifier: GPL-2.0-only
/* What this CPU has for a hypervisor. */
#include <cpuid.h>
#include <stddef.h>

#include "vm.h"

/* Intel's manual, volume 2A, "CPUID"; AMD's, volume 3, appendix E */
#define LEAF_VMX	0x00000001
#define ECX_VMX		(1U << 5)
#define LEAF_SVM	0x80000001
#define ECX_SVM		(1U << 2)

static bool has(unsigned int leaf, unsigned int bit)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid(leaf, &eax, &ebx, &ecx, &edx) && ecx & bit;
}

const char *vm_cpu_lacks(void)
{
	return has(LEAF_VMX, ECX_VMX) || has(LEAF_SVM, ECX_SVM) ? NULL : "neither SVM nor VMX";
}
