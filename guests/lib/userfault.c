// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ktap.h"
#include "userfault.h"

/* A worker of KVM's would be under way by then. */
#define SILENCE_MS	100
#define EVENT_MS	5000

int userfault_watch(const struct slot *slot, uint64_t mode, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register range = {
		.range = { (uintptr_t)slot->hva, slot->size },
		.mode = mode,
	};
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		ktap_skip("no userfaultfd: %s", strerror(errno));
	if (ioctl(fd, UFFDIO_API, &api))
		ktap_skip("userfaultfd has not got the features %#llx: %s",
			  (unsigned long long)features, strerror(errno));
	if (ioctl(fd, UFFDIO_REGISTER, &range))
		ktap_fail("UFFDIO_REGISTER: %s", strerror(errno));
	return fd;
}

int userfault_copy(int fd, uint8_t *hva, const void *from, size_t size)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)hva,
		.src = (uintptr_t)from,
		.len = size,
	};

	return ioctl(fd, UFFDIO_COPY, &copy) ? errno : 0;
}

int userfault_continue(int fd, uint8_t *hva, size_t size)
{
	struct uffdio_continue go_on = { .range = { (uintptr_t)hva, size } };

	return ioctl(fd, UFFDIO_CONTINUE, &go_on) ? errno : 0;
}

int userfault_zero(int fd, uint8_t *hva, size_t size)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)hva, size } };

	return ioctl(fd, UFFDIO_ZEROPAGE, &zero) ? errno : 0;
}

int userfault_protect(int fd, uint8_t *hva, size_t size, bool protect)
{
	struct uffdio_writeprotect writes = {
		.range = { (uintptr_t)hva, size },
		.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(fd, UFFDIO_WRITEPROTECT, &writes) ? errno : 0;
}

void userfault_expect_silence(int fd)
{
	struct pollfd event = { .fd = fd, .events = POLLIN };

	if (poll(&event, 1, SILENCE_MS) > 0)
		ktap_fail("expected no userfaultfd event for a guest access to a slot with KVM_MEM_EXIT_ON_MISSING, got one");
}

bool userfault_came(int fd, const uint8_t *hva)
{
	struct pollfd event = { .fd = fd, .events = POLLIN };
	struct uffd_msg message;

	if (poll(&event, 1, EVENT_MS) <= 0)
		return false;
	if (read(fd, &message, sizeof(message)) != sizeof(message))
		ktap_fail("cannot read a userfaultfd event: %s", strerror(errno));
	return message.event == UFFD_EVENT_PAGEFAULT &&
	       message.arg.pagefault.address / vm_page_size() == (uintptr_t)hva / vm_page_size();
}
