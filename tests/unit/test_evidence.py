# SPDX-License-Identifier: GPL-2.0-only
"""What findings rest on: each kind made of what was seen, and told in a line."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.judge import evidence
from kseries.model import Complaint, Evidence, EvidenceKind, FindingKind, Gravity, Outcome, State, Status
from kseries.report.evidence import exhibits
from tests.support.judged import Seen, result_of
from tests.support.runs import finding
from tests.support.runs import state as seen_state

STATE = State(id="prefix-1", scenario="prefixes", applied=(1,), patch=1, tree="x")
NAMES = st.text(st.characters(exclude_categories=("C", "Z")) | st.sampled_from(" :."), min_size=1)
OOPS = Complaint(gravity=Gravity.OOPS, kind="BUG: x", said="BUG: x", function="f", file="a.c", line=7, check="p.a")
RARE = Complaint(gravity=Gravity.STALL, kind="stall", said="stall", boots=1, of=2, busy=True)


@given(NAMES, st.sampled_from(Status), st.sampled_from(["", "errno 22", "a: b: fail: c"]))
def test_a_check_is_known_by_its_name_whatever_is_in_that(name: str, status: Status, said: str) -> None:
    """The description of a kselftest often has a colon, and may end in a status: "TEST: ping: fail"."""
    state = result_of(STATE, Seen({}, {name: status}, details={name: said}))
    told = evidence.of_check(name, state)
    assert evidence.parts(told) == (name, f"{status}: {said}" if said else str(status))
    assert evidence.known_by(told) == Evidence(kind=EvidenceKind.CHECK, name=name)


@pytest.mark.parametrize(
    ("said", "path", "names"),
    [
        ("kernel/ptrace.c:512:9: error: x", "kernel/ptrace.c", True),
        ("arch/x86/kernel/ptrace.c:512:9: error: x", "kernel/ptrace.c", False),
        ("/usr/include/linux/kvm.h:3: error: x", "include/linux/kvm.h", False),
        ("arch/x86/kvm/../../../virt/kvm/kvm_main.c:512:9: error: x", "virt/kvm/kvm_main.c", True),
        ("arch/x86/kvm/../../../virt/kvm/kvm_main.c:512:9: error: x", "kvm/kvm_main.c", False),
        ("arch/x86/kvm/../virt/kvm_main.c:512:9: error: x", "virt/kvm_main.c", False),
        ("../../virt/kvm/kvm_main.c:512:9: error: x", "virt/kvm/kvm_main.c", False),
        ("In file included from ./include/linux/mm.h:7,", "include/linux/mm.h", True),
        ("error: 'mm/x.c' (mm/y.c) is gone", "mm/x.c", True),
        ("error: 'mm/x.c' (mm/y.c) is gone", "mm/y.c", True),
        ("it is gone from mm/x.c.", "mm/x.c", True),
        ("lib/Kconfig.debug:12: syntax error", "lib/Kconfig", False),
        ("mm/x.cpp:1: error: x", "mm/x.c", False),
        ("drivers/x/Kconfig:3: syntax error", "Kconfig", False),
        ("Kconfig:3: syntax error", "Kconfig", True),
        ("Kconfig dropped KVM", "Kconfig", False),
        ("Makefile:12: *** missing separator.  Stop.", "Makefile", True),
        ("make: *** [Makefile:224: __sub-make] Error 2", "Makefile", False),
        ("make[3]: *** [scripts/Makefile.build:229: mm/x.o] Error 1", "scripts/Makefile.build", False),
    ],
)
def test_words_name_a_file_where_its_path_stands_as_a_whole(said: str, path: str, names: bool) -> None:
    assert evidence.names_file(said, path) is names
    assert evidence.names_file(f"so it ended {said}", path) is names


@pytest.mark.parametrize(
    ("one", "what", "said"),
    [
        (evidence.of_flaky("p.a"), "p.a", "two boots, two answers"),
        (evidence.of_outcome(seen_state("base", outcome=Outcome.CRASHED, detail="a: b")), "crashed", "a: b"),
        (evidence.of_warning("virt/kvm/x.c: unused variable: y"), "virt/kvm/x.c", "unused variable: y"),
        (evidence.of_warning("no file"), "no file", ""),
        (evidence.of_denial("cp: cannot stat '/x': Permission denied"), "cp", "cannot stat '/x': Permission denied"),
        (evidence.of_conflict("a.c"), "conflict in a.c", ""),
        (evidence.of_complaint(OOPS, seen_state("base")), "p.a", "BUG: x (in f, a.c:7)"),
        (
            evidence.of_complaint(RARE, seen_state("base")),
            "outside of any check",
            "stall, in 1 of 2 boots of a host with other work to do",
        ),
    ],
)
def test_each_kind_has_its_words(one: Evidence, what: str, said: str) -> None:
    assert evidence.parts(one) == (what, said)
    assert evidence.line(one) == (f"{what}: {said}" if said else what)


def test_a_check_that_failed_of_a_complaint_leads_to_it() -> None:
    """Its line has the kernel's words, and so has how the kernel ended: neither is searched for them again."""
    state = seen_state("prefix-1", 1, outcome=Outcome.CRASHED, detail="BUG: x", complaints=(RARE, OOPS))
    state = msgspec.structs.replace(state, checks=result_of(STATE, Seen({}, {"p.a": Status.FAIL})).checks)
    blamed = msgspec.structs.replace(state.checks[0], blamed=("the kernel complained: BUG: x",))
    state = msgspec.structs.replace(state, checks=(blamed,))
    of_check, of_outcome = evidence.of_check("p.a", state), evidence.of_outcome(state)
    assert of_check.complaint == of_outcome.complaint == "BUG: x"
    for one in (of_check, of_outcome, evidence.of_complaint(OOPS, state)):
        told = msgspec.structs.replace(finding(FindingKind.REGRESSION, "prefix-1"), evidence=(one,))
        assert evidence.complaint_of(told, state) == OOPS
    quiet = finding(FindingKind.REGRESSION, "prefix-1", "p.b: fail: BUG: x")
    assert evidence.complaint_of(quiet, state) is None


def test_a_complaint_is_the_same_at_another_line_and_in_more_boots() -> None:
    again = msgspec.structs.replace(RARE, boots=3, of=5)
    moved, elsewhere = (msgspec.structs.replace(OOPS, **place) for place in ({"line": 8}, {"file": "b.c"}))
    seen = [evidence.of_complaint(one, seen_state("base")) for one in (RARE, again, OOPS, moved, elsewhere)]
    rare, rarely, oops, lower, other = map(evidence.known_by, seen)
    assert rare == rarely and oops == lower and len({rare, oops, other}) == 3
    assert evidence.gist(seen[2]) == evidence.gist(seen[3]) == "p.a: BUG: x (in f, a.c:#)"


def test_an_exhibit_names_what_a_report_can_point_to() -> None:
    told = finding(FindingKind.REGRESSION, "prefix-1", "p.a: fail: errno 22", "crashed: BUG: x")
    assert [(one.name, one.said) for one in exhibits(told)] == [("p.a", "fail: errno 22"), ("crashed", "BUG: x")]
