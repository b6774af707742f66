// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backing.h"
#include "ktap.h"

/* Linux names the pool of huge pages by their size in KiB. */
#define POOL	"/sys/kernel/mm/hugepages/hugepages-%zukB/nr_hugepages"

/* Off by default where there is less memory than 512 MiB (mm/huge_memory.c hugepage_init()). */
#define THP	"/sys/kernel/mm/transparent_hugepage/enabled"

size_t backing_huge_size(void)
{
	size_t kib = 0;
	char line[128];
	FILE *file = fopen("/proc/meminfo", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Hugepagesize: %zu kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	if (!kib)
		ktap_skip("this kernel has no huge pages");
	return kib << 10;
}

struct slot backing_shmem(uint32_t id, uint64_t gpa, size_t size, int *fd)
{
	void *hva;

	*fd = memfd_create("guest", MFD_CLOEXEC);
	if (*fd < 0)
		ktap_skip("no memfd: %s", strerror(errno));
	if (ftruncate(*fd, size))
		ktap_fail("cannot make a memfd of %zu bytes: %s", size, strerror(errno));
	hva = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (hva == MAP_FAILED)
		ktap_fail("cannot map a memfd: %s", strerror(errno));
	return vm_memory_at(id, gpa, hva, size);
}

static void need_setting(const char *path, const char *value, const char *what)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		ktap_skip("cannot %s: %s", what, strerror(errno));
	close(fd);
}

/* The pool never shrinks here: another check may be using it. */
static void reserve(size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), POOL, size >> 10);
	need_setting(path, "2", "reserve huge pages");
}

struct slot backing_hugetlb(uint32_t id, uint64_t gpa)
{
	size_t size = backing_huge_size();
	void *hva;

	reserve(size);
	hva = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (hva == MAP_FAILED)
		ktap_skip("no huge page to be had: %s", strerror(errno));
	return vm_memory_at(id, gpa, hva, size);
}

struct slot backing_thp(uint32_t id, uint64_t gpa)
{
	size_t size = backing_huge_size();
	uint8_t *hva;

	need_setting(THP, "madvise", "switch on transparent huge pages");
	hva = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (hva == MAP_FAILED)
		ktap_fail("cannot map %zu bytes: %s", 2 * size, strerror(errno));
	hva += -(uintptr_t)hva % size;
	if (madvise(hva, size, MADV_HUGEPAGE))
		ktap_skip("no transparent huge pages: %s", strerror(errno));
	return vm_memory_at(id, gpa, hva, size);
}

void backing_need_thp(const struct slot *memory)
{
	if (!vm_is_mapped(memory->hva) || !vm_is_mapped(memory->hva + memory->size - 1))
		ktap_skip("no transparent huge page came");
	/* khugepaged would fill holes. */
	if (madvise(memory->hva, memory->size, MADV_NOHUGEPAGE))
		ktap_fail("MADV_NOHUGEPAGE: %s", strerror(errno));
}
