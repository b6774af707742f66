# SPDX-License-Identifier: GPL-2.0-only
"""What the real kernel shows: the same from boot to boot, and on the tip what the series brings, and no more."""

import dataclasses

import pytest
from msgspec import UNSET

from kseries.judge import surface
from kseries.judge.surface import How
from kseries.model import Probe, Status
from kseries.model.surface import SurfaceKind
from tests.support.lab import Labs

pytestmark = pytest.mark.full("guest")

CAP = "KVM_CAP_EXIT_ON_MISSING"
_CALLS = ("KVM_SET_USER_MEMORY_REGION", "KVM_SET_USER_MEMORY_REGION2")


TOO = {"x86_64": set[str](), "arm64": {"KVM_CAP_MEMORY_FAULT_INFO"}}
"""What else the series has an architecture advertise, of which the headers know before."""


@pytest.mark.parametrize("arch", TOO)
def test_the_split_adds_a_capability_and_the_flag_that_goes_with_it(labs: Labs, arch: str) -> None:
    lab = labs(arch)
    setup = dataclasses.replace(lab.setup, probes=tuple(map(Probe.ours, ("capabilities", "surface"))))
    states, findings = lab.run(lab.series, (), lab.base, setup)
    base, tip = states["base"], states[f"prefix-{len(lab.series.patches)}"]
    assert [one for one in findings if not one.kind.advice] == []  # a busy host may have its clock complain
    for state in (base, tip):
        assert state.surface is not UNSET and state.surface.keys() == {kind.value for kind in SurfaceKind}
        assert {kind for kind, names in state.surface.items() if not names} == {"sysctl"}  # CONFIG_SYSCTL is off here
        listed = {check.id: check.status for check in state.checks if check.id.startswith("surface.")}
        assert {name for name, status in listed.items() if status is not Status.PASS} == {"surface.sysctls_listed"}
        assert listed["surface.sysctls_listed"] is Status.SKIP and len(listed) > 10
        assert state.unstable is UNSET
    found = surface.of((base, tip))
    assert found is not None and found.unlisted == ()
    assert {(one.kind, one.name, one.called) for one in found.changes} == {
        ("uapi", CAP, ""),
        ("uapi", "KVM_MEM_EXIT_ON_MISSING", ""),
        *((kind, name, "") for kind in ("kvm-cap", "kvm-vm-cap") for name in {CAP} | TOO[arch]),
        *(("kvm-flag", f"{call}:bit-3", "KVM_MEM_EXIT_ON_MISSING") for call in _CALLS),
    }
    assert {one.how for one in found.changes} == {How.NEW}
