# SPDX-License-Identifier: GPL-2.0-only
"""A vCPU of L2 waits for a missing page while something happens to L1, and is served once the page is there.

What the guest runs is waiting_vcpu.c. A kernel that advertises no KVM_CAP_EXIT_ON_MISSING skips.
"""

import contextlib
import os
import time
from collections.abc import Iterator

import pytest
from qemu.qmp import ExecuteError

MIB = 1 << 20
LEFT = 96 * MIB
"""What a balloon leaves to L1: its kernel, the initramfs and the page tables of a small L2."""


class Vcpu:
    """What waits, and what it says."""

    def __init__(self, program) -> None:
        self._program = program
        self._said = []

    def waits(self) -> None:
        """Wait until it has run into its missing page."""
        while (line := self._program.line(60)) is not None:
            self._said.append(line)
            if line == "# waits":
                return
        reason = next((line.partition("# SKIP ")[2] for line in self._said if "# SKIP " in line), None)
        if reason is not None:
            pytest.skip(reason)
        pytest.fail(self._why(), pytrace=False)

    def waits_again(self) -> None:
        """Have it run once more: its page is still missing, and nobody else has provided one."""
        self._program.write("again\n")
        self.waits()

    def is_served(self) -> None:
        """Have its page provided: the guest goes on, and has written what it was to write."""
        self._program.write("provide\n")
        done = self._program.wait(60)
        self._said += done.output.splitlines()
        assert done.status == 0, self._why()

    def _why(self) -> str:
        """What it says of itself, without the head of its KTAP."""
        said = [line[2:] for line in self._said if line.startswith("# ") and not line.startswith(("# Sub", "# plan"))]
        return "\n".join(said or self._said)


@pytest.fixture
def vcpu(guest) -> Iterator[Vcpu]:
    program = guest.start(["/programs/waiting_vcpu"])
    try:
        waiting = Vcpu(program)
        waiting.waits()
        yield waiting
    finally:
        with contextlib.suppress(Exception):  # it has ended, or the guest has
            program.kill()


def test_machine_stopped_and_continued(qmp, vcpu):
    qmp("stop")
    assert qmp("query-status")["status"] == "paused"
    time.sleep(2)
    qmp("cont")
    vcpu.waits_again()
    vcpu.is_served()


@pytest.mark.arch("x86_64")  # QEMU 7.2 has no inject-nmi for its virt machine
def test_nmi(qmp, guest, vcpu):
    told = guest.log().count("NMI received for unknown reason")
    qmp("inject-nmi")
    guest.wait_for(rf"(?s)(NMI received for unknown reason.*){{{told + 1}}}")
    vcpu.waits_again()
    vcpu.is_served()


@pytest.mark.timeout(300)
def test_balloon_takes_memory_and_gives_it_back(qmp, vcpu):
    try:
        whole = qmp("query-balloon")["actual"]
    except ExecuteError:
        pytest.skip("the machine has no balloon: --device virtio-balloon-pci")
    _set_balloon(qmp, LEFT)
    vcpu.waits_again()
    _set_balloon(qmp, whole)
    vcpu.waits_again()
    vcpu.is_served()


def _set_balloon(qmp, size: int) -> None:
    """Have the guest give all but so many bytes, and wait until it has, or has no more to give."""
    qmp("balloon", value=size)
    seen = []
    while len(seen) < 5 or len({*seen[-5:]}) > 1:  # it goes on as long as it gets somewhere
        seen.append(qmp("query-balloon")["actual"])
        if seen[-1] == size:
            return
        time.sleep(1)
    assert seen[-1] == size, f"the balloon came to {seen[-1] // MIB} MiB, and was to come to {size // MIB} MiB"


class Snapshots:
    """An image in memory for QEMU to save machines in (snapshot-save: qapi/migration.json of QEMU)."""

    def __init__(self, qmp, file: int) -> None:
        self._qmp = qmp
        self._lent = qmp.lend(file)
        qmp("blockdev-add", driver="file", node_name="snapshot-file", filename=self._lent)
        self._do("blockdev-create", options={"driver": "qcow2", "file": "snapshot-file", "size": MIB})
        qmp("blockdev-add", driver="qcow2", node_name="snapshot", file="snapshot-file")

    def save(self, name: str) -> None:
        self._do("snapshot-save", tag=name, vmstate="snapshot", devices=["snapshot"])

    def load(self, name: str) -> None:
        self._do("snapshot-load", tag=name, vmstate="snapshot", devices=["snapshot"])
        self._qmp("cont")

    def close(self) -> None:
        for node in ("snapshot", "snapshot-file"):
            self._qmp("blockdev-del", node_name=node)
        self._qmp("remove-fd", fdset_id=int(self._lent.rpartition("/")[2]))

    def _do(self, command: str, **arguments: object) -> None:
        self._qmp(command, job_id="snapshot", **arguments)
        while (job := self._job())["status"] != "concluded":
            time.sleep(0.2)
        self._qmp("job-dismiss", id="snapshot")
        assert "error" not in job, f"{command}: {job['error']}"

    def _job(self):
        return next(job for job in self._qmp("query-jobs") if job["id"] == "snapshot")


@pytest.fixture
def snapshots(qmp) -> Iterator[Snapshots]:
    file = os.memfd_create("snapshot")
    try:
        made = Snapshots(qmp, file)
        yield made
        made.close()
    finally:
        os.close(file)


@pytest.mark.arch("x86_64")  # QEMU 7.2 saves no timer of EL2's, by which an arm64 hypervisor ticks (vmstate_arm_cpu)
@pytest.mark.timeout(300)
def test_memory_saved_and_restored(snapshots, vcpu):
    vcpu.waits_again()
    snapshots.save("waiting")
    snapshots.load("waiting")
    vcpu.waits_again()
    vcpu.is_served()
