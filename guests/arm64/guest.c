// SPDX-License-Identifier: GPL-2.0-only
/*
 * EL1 with translation on, all of the guest's memory onto itself, in blocks of
 * 1 GiB: with it off, memory would be Device, where atomics and accesses that are
 * not aligned are none. Reports are 32-bit stores to an address without a slot.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "code.h"
#include "ktap.h"

#define CORE_REG(name)								\
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(name))

/* Arm's manual, D19.2: op0, op1, CRn, CRm, op2 */
#define SCTLR_EL1	ARM64_SYS_REG(3, 0, 1, 0, 0)
#define TTBR0_EL1	ARM64_SYS_REG(3, 0, 2, 0, 0)
#define TCR_EL1		ARM64_SYS_REG(3, 0, 2, 0, 2)
#define MAIR_EL1	ARM64_SYS_REG(3, 0, 10, 2, 0)
#define VBAR_EL1	ARM64_SYS_REG(3, 0, 12, 0, 0)

#define SCTLR_M		(1ULL << 0)
#define SCTLR_C		(1ULL << 2)
#define SCTLR_I		(1ULL << 12)
/* 39 bits of address; tables are cacheable and shareable; 40 bits of physical address; no TTBR1 */
#define TCR		(25ULL | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2ULL << 32)
#define MAIR		0xffULL	/* attribute 0: Normal memory, write-back */

#define PSTATE_EL1H	0x5
#define PSTATE_DAIF	0x3c0
#define PSTATE_I	0x80

#define DESC_TABLE	0x3
#define DESC_BLOCK	0x1
#define DESC_PAGE	0x3
#define DESC_ACCESS	(1 << 10 | 3 << 8)	/* accessed, inner shareable */
#define LEVEL1_SHIFT	30
#define LEVEL1_ENTRIES	512

#define AWAIT_ROUNDS	300000
#define STUB_IMM_SHIFT	5	/* where movz and movk have their operand */

#define DISTRIBUTOR_GPA		0x08000000
#define REDISTRIBUTORS_GPA	0x080a0000

const uint64_t guest_free_gpa = 0x10000000;
const uint64_t guest_far_gpa = 0x340000000;
/* A translation fault on a walk has no write in it, whatever marks an entry later (kvm_is_write_fault()). */
const bool guest_walk_may_write = false;

static void set_reg(struct vm *vm, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	if (ioctl(vm->vcpu, KVM_SET_ONE_REG, &reg))
		ktap_fail("KVM_SET_ONE_REG of %#llx: %s", (unsigned long long)id, strerror(errno));
}

static uint64_t get_reg(const struct vm *vm, uint64_t id)
{
	uint64_t value;
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	if (ioctl(vm->vcpu, KVM_GET_ONE_REG, &reg))
		ktap_fail("KVM_GET_ONE_REG of %#llx: %s", (unsigned long long)id, strerror(errno));
	return value;
}

void guest_init_vcpu(struct vm *vm)
{
	struct kvm_vcpu_init init;

	if (ioctl(vm->fd, KVM_ARM_PREFERRED_TARGET, &init))
		ktap_fail("KVM_ARM_PREFERRED_TARGET: %s", strerror(errno));
	if (ioctl(vm->vcpu, KVM_ARM_VCPU_INIT, &init))
		ktap_fail("KVM_ARM_VCPU_INIT: %s", strerror(errno));
	set_reg(vm, MAIR_EL1, MAIR);
	set_reg(vm, TCR_EL1, TCR);
	set_reg(vm, TTBR0_EL1, LEVEL1_GPA);
	set_reg(vm, VBAR_EL1, VECTORS_GPA);
	set_reg(vm, SCTLR_EL1, get_reg(vm, SCTLR_EL1) | SCTLR_M | SCTLR_C | SCTLR_I);
}

static void put_own_memory(const struct vm *vm)
{
	uint64_t *level1 = guest_own(vm, LEVEL1_GPA);
	uint64_t i;

	memcpy(guest_own(vm, CODE_GPA), guest_code, guest_code_end - guest_code);
	memcpy(guest_own(vm, VECTORS_GPA), guest_vectors, guest_vectors_end - guest_vectors);
	for (i = 0; i < LEVEL1_ENTRIES; i++)
		level1[i] = i << LEVEL1_SHIFT | DESC_ACCESS | DESC_BLOCK;
	memset(guest_own(vm, LEVEL2_GPA), 0, vm_page_size());
}

static void create(struct vm *vm, unsigned long type, const struct kvm_enable_cap *enable)
{
	struct slot own;
	int error;

	vm_create(vm, type);
	if (enable && ioctl(vm->fd, KVM_ENABLE_CAP, enable))
		ktap_fail("KVM_ENABLE_CAP of %u: %s", enable->cap, strerror(errno));
	own = vm_memory(OWN_SLOT, OWN_GPA, OWN_PAGES);
	vm->own = own.hva;
	put_own_memory(vm);
	error = vm_set_slot(vm, &own, 0);
	if (error)
		ktap_fail("cannot add the slot of the guest's own memory: %s", strerror(error));
	vm_add_vcpu(vm);
	guest_init_vcpu(vm);
}

void guest_create(struct vm *vm, unsigned long type)
{
	create(vm, type, NULL);
}

void guest_create_with_cap(struct vm *vm, const struct kvm_enable_cap *enable)
{
	create(vm, VM_TYPE_DEFAULT, enable);
}

static void set_gic(int gic, uint32_t group, uint64_t attribute, uint64_t value)
{
	struct kvm_device_attr attr = { .group = group, .attr = attribute, .addr = (uintptr_t)&value };

	if (ioctl(gic, KVM_SET_DEVICE_ATTR, &attr))
		ktap_fail("cannot set up the GIC: %s", strerror(errno));
}

void guest_create_with_irqchip(struct vm *vm)
{
	struct kvm_create_device gic = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };

	create(vm, VM_TYPE_DEFAULT, NULL);
	if (ioctl(vm->fd, KVM_CREATE_DEVICE, &gic))
		ktap_skip("no GICv3 for guests: %s", strerror(errno));
	set_gic(gic.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, DISTRIBUTOR_GPA);
	set_gic(gic.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, REDISTRIBUTORS_GPA);
	set_gic(gic.fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
	vm->takes_interrupts = true;
}

void *guest_own(const struct vm *vm, uint64_t gpa)
{
	return vm->own + (gpa - OWN_GPA);
}

void guest_start(struct vm *vm, const char *entry, const struct start *start)
{
	bool interrupts = start->takes_interrupts || vm->takes_interrupts;

	if (vm->run->exit_reason == KVM_EXIT_MMIO)
		vm_finish_io(vm);
	set_reg(vm, CORE_REG(regs.regs[0]), start->value);
	set_reg(vm, CORE_REG(regs.regs[1]), start->address);
	set_reg(vm, CORE_REG(regs.regs[5]), 0);
	set_reg(vm, CORE_REG(sp_el1), start->stack);
	set_reg(vm, CORE_REG(regs.pc), CODE_GPA + (entry - guest_code));
	set_reg(vm, CORE_REG(regs.pstate), PSTATE_EL1H | (interrupts ? PSTATE_DAIF & ~PSTATE_I : PSTATE_DAIF));
}

const char *guest_entry(enum access access)
{
	static const char *const entries[] = {
		[ACCESS_READ] = guest_code_read,
		[ACCESS_WRITE] = guest_code_write,
		[ACCESS_FETCH] = guest_code_fetch,
		[ACCESS_ATOMIC] = guest_code_atomic,
	};

	return entries[access];
}

void guest_access(struct vm *vm, enum access access, uint64_t gpa, uint32_t value)
{
	const struct start start = { .value = value, .address = gpa };

	guest_start(vm, guest_entry(access), &start);
}

static void put_window(struct vm *vm, uint64_t descriptor)
{
	uint64_t *level1 = guest_own(vm, LEVEL1_GPA);

	level1[WINDOW >> LEVEL1_SHIFT] = descriptor;
}

void guest_access_translated(struct vm *vm, enum access access, uint64_t gpa, uint32_t value)
{
	uint64_t around = gpa >> LEVEL1_SHIFT << LEVEL1_SHIFT;
	const struct start start = { .value = value, .address = WINDOW + (gpa - around) };

	put_window(vm, around | DESC_ACCESS | DESC_BLOCK);
	guest_start(vm, guest_entry(access), &start);
}

void guest_read_through(struct vm *vm, uint64_t table, uint32_t offset)
{
	const struct start start = { .address = WINDOW + offset };
	uint64_t *level2 = guest_own(vm, LEVEL2_GPA);

	put_window(vm, LEVEL2_GPA | DESC_TABLE);
	level2[0] = table | DESC_TABLE;
	guest_start(vm, guest_code_read, &start);
}

void guest_put_table(void *hva, uint64_t gpa)
{
	uint64_t entry = gpa | DESC_ACCESS | DESC_PAGE;

	memcpy(hva, &entry, sizeof(entry));
}

void guest_interrupt(struct vm *vm, uint64_t stack)
{
	const struct start start = { .address = AWAIT_ROUNDS, .stack = stack, .takes_interrupts = true };
	struct kvm_irq_level line = {
		.irq = KVM_ARM_IRQ_TYPE_CPU << KVM_ARM_IRQ_TYPE_SHIFT | KVM_ARM_IRQ_CPU_IRQ,
		.level = 1,
	};

	guest_start(vm, guest_code_await, &start);
	if (ioctl(vm->fd, KVM_IRQ_LINE, &line))
		ktap_fail("KVM_IRQ_LINE: %s", strerror(errno));
}

uint64_t guest_pc(const struct vm *vm)
{
	return get_reg(vm, CORE_REG(regs.pc));
}

static void put_operand(uint8_t *instruction, uint16_t operand)
{
	uint32_t word;

	memcpy(&word, instruction, sizeof(word));
	word |= (uint32_t)operand << STUB_IMM_SHIFT;
	memcpy(instruction, &word, sizeof(word));
}

void guest_put_code(void *hva, uint32_t value)
{
	memcpy(hva, guest_stub, guest_stub_end - guest_stub);
	put_operand(hva, value & 0xffff);
	put_operand((uint8_t *)hva + sizeof(uint32_t), value >> 16);
	__builtin___clear_cache(hva, (char *)hva + (guest_stub_end - guest_stub));
}

bool guest_reported(const struct vm *vm, const struct vm_exit *exit, uint32_t *value)
{
	const struct kvm_run *run = vm->run;

	if (exit->error || exit->reason != KVM_EXIT_MMIO || !run->mmio.is_write ||
	    run->mmio.phys_addr != REPORT_GPA + REPORT || run->mmio.len != sizeof(*value))
		return false;
	memcpy(value, run->mmio.data, sizeof(*value));
	return true;
}

bool guest_private_vm_type(int kvm, unsigned long *type)
{
	(void)kvm;
	(void)type;
	return false;
}
