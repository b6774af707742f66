// SPDX-License-Identifier: GPL-2.0-only
/* What this CPU has for a hypervisor. */
#include <stddef.h>

#include "vm.h"

/* User space cannot ask for EL2. QEMU's virt has it, or does not start (harness/kseries/arch/arm64.py). */
const char *vm_cpu_lacks(void)
{
	return NULL;
}
