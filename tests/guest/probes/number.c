// SPDX-License-Identifier: GPL-2.0-only
/* What KVM_CHECK_EXTENSION answers for a bare number, whatever the headers call it. */
#include <sys/ioctl.h>

#include "ktap.h"
#include "vm.h"

#define NUMBER	236

static void tell(void)
{
	int kvm = vm_open_kvm();

	ktap_cap("NUMBER_236", ioctl(kvm, KVM_CHECK_EXTENSION, NUMBER));
}

int main(void)
{
	return ktap_main("number", NULL, 0, tell);
}
