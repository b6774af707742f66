# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own tests that a series changes: told by name, and asked of every state whatever base does."""

from pathlib import Path

import msgspec
import pytest

from kseries import arch as archs
from kseries import inputs
from kseries.app import planning, selftests
from kseries.app.options import Options
from kseries.app.selftests import Changed
from kseries.model import Check, Contract, Plan, SelftestNote, Status, events
from kseries.probes.selftests import Selftest, parse
from kseries.probes.selftests import tests as built
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository
from tests.support.judged import plan_of

X86 = archs.get("x86_64")
PLACE = "tools/testing/selftests"
MAIN = "int main(void)\n{\n}\n"
FILES = {
    "Makefile": "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\n",
    "Kconfig": "",
    f"{PLACE}/kselftest.h": "",
    f"{PLACE}/kvm/Makefile": "",
    f"{PLACE}/kvm/guest_memfd_test.c": MAIN,
    f"{PLACE}/kvm/x86_64/cpuid_test.c": MAIN,
    f"{PLACE}/kvm/aarch64/vgic_irq.c": MAIN,
    f"{PLACE}/kvm/s390x/memop.c": MAIN,
    f"{PLACE}/kvm/lib/kvm_util.c": "void domain(void);\n",
    f"{PLACE}/net/Makefile": "",
    f"{PLACE}/net/csum.c": MAIN,
    f"{PLACE}/net/mptcp/Makefile": "",
    f"{PLACE}/net/mptcp/mptcp_inq.c": MAIN,
    "virt/kvm/kvm_main.c": "int a;\n",
}


@pytest.fixture
def trees(tmp_path: Path) -> TreeStore:
    repository = Repository(tmp_path / "repo")
    repository.commit("tip", FILES)
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    return store


@pytest.fixture
def tip(tmp_path: Path, trees: TreeStore) -> str:
    return Repository(tmp_path / "repo").tree()


def planned(tip: str, *paths: str) -> Plan:
    """A series of two patches, of which the first changes some files below the selftests."""
    plan = plan_of(("base", "prefix-1", "prefix-2"), patches=(1, 2))
    first, second = plan.patches
    files = tuple(path if path.startswith("virt/") else f"{PLACE}/{path}" for path in paths)
    first = msgspec.structs.replace(first, files=files)
    return msgspec.structs.replace(plan, patches=(first, msgspec.structs.replace(second, tree_after=tip)))


def proposed(trees: TreeStore, tip: str, paths: tuple[str, ...], *asked: str, arch: str = "x86_64") -> list[str]:
    return [*selftests.proposed(planned(tip, *paths), Options(out=Path(), arch=arch, selftests=asked), trees)]


def test_a_test_that_the_series_changes_is_proposed_by_name(trees: TreeStore, tip: str) -> None:
    (line,) = proposed(trees, tip, ("kvm/guest_memfd_test.c", "virt/kvm/kvm_main.c"))
    assert line == "the series changes kvm:guest_memfd_test; add --selftest kvm:guest_memfd_test"
    assert [one.name for one in parse([line.partition("--selftest ")[2]])] == ["kvm.guest_memfd_test"]


def test_several_take_one_line(trees: TreeStore, tip: str) -> None:
    (line,) = proposed(trees, tip, ("kvm/guest_memfd_test.c", "net/mptcp/mptcp_inq.c", "kvm/x86_64/cpuid_test.c"))
    assert line == (
        "the series changes kvm:guest_memfd_test, net/mptcp:mptcp_inq, kvm:x86_64/cpuid_test;"
        " add --selftest kvm:guest_memfd_test,x86_64/cpuid_test --selftest net/mptcp:mptcp_inq"
    )


@pytest.mark.parametrize("word", ["kvm:cpuid_test", "kvm:x86_64/cpuid_test", "mine=kvm:cpuid_test -v"])
def test_what_is_asked_for_is_not_proposed(trees: TreeStore, tip: str, word: str) -> None:
    assert proposed(trees, tip, ("kvm/x86_64/cpuid_test.c",), word) == []
    assert len(proposed(trees, tip, ("kvm/x86_64/cpuid_test.c",), "kvm:state_test")) == 1


@pytest.mark.parametrize(
    "path", ["virt/kvm/kvm_main.c", "kvm/lib/kvm_util.c", "kvm/s390x/memop.c", "kvm/Makefile", "kvm/gone.c"]
)
def test_of_what_is_no_test_here_nothing_is_said(trees: TreeStore, tip: str, path: str) -> None:
    assert proposed(trees, tip, (path,)) == []


def test_a_test_of_another_architecture_is_proposed_there(trees: TreeStore, tip: str) -> None:
    assert proposed(trees, tip, ("kvm/aarch64/vgic_irq.c",)) == []
    assert len(proposed(trees, tip, ("kvm/aarch64/vgic_irq.c",), arch="arm64")) == 1


def test_a_plan_tells_it_before_anything_is_built(tmp_path: Path, trees: TreeStore) -> None:
    repository = Repository(tmp_path / "repo")
    repository.commit("kvm: change a test", {f"{PLACE}/kvm/guest_memfd_test.c": f"{MAIN}\n"})
    found, heard = inputs.load("HEAD~1..HEAD", str(repository.path)), list[events.Event]()
    for asked in ((), ("kvm:guest_memfd_test",)):
        planning.plan(found, Options(out=tmp_path, selftests=asked).of(found), trees, heard.append)
    told = [event.what for event in heard if isinstance(event, events.Preparing) and "selftest" in event.what]
    assert told == ["the series changes kvm:guest_memfd_test; add --selftest kvm:guest_memfd_test"]


# --- what stays ---------------------------------------------------------------------------------

ASKED = parse(["kvm:guest_memfd_test", "kvm:cpuid_test", "again=kvm:cpuid_test -v", "net:csum"])


def kept(trees: TreeStore, plan: Plan, options: Options, *contracts: Contract) -> set[str]:
    probes = tuple(call.probe for call in ASKED)
    return set(selftests.kept(probes, built(ASKED), plan, trees, options, contracts))


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("virt/kvm/kvm_main.c", set()),
        ("kvm/x86_64/cpuid_test.c", {"kvm.cpuid_test", "again"}),
        ("kvm/lib/kvm_util.c", {"kvm.guest_memfd_test", "kvm.cpuid_test", "again"}),
        ("kvm/Makefile", {"kvm.guest_memfd_test", "kvm.cpuid_test", "again"}),
        ("kvm/aarch64/vgic_irq.c", set()),
        ("net/mptcp/Makefile", set()),
        ("net/csum.c", {"net.csum"}),
    ],
)
def test_what_the_series_touches_stays(trees: TreeStore, tip: str, path: str, names: set[str]) -> None:
    assert kept(trees, planned(tip, path), Options(out=Path())) == names


def test_what_somebody_asks_about_stays(trees: TreeStore, tip: str) -> None:
    plan, plain = planned(tip), Options(out=Path())
    contract = Contract(id="c", title="", when="CAP", checks=("net.csum.exit_status",), optional=("again.part",))
    assert kept(trees, plan, plain, contract) == {"net.csum", "again"}
    otherwise = Contract(id="c", title="", when="CAP", checks=(), otherwise=("kvm.cpuid_test.exit_status",))
    assert kept(trees, plan, plain, otherwise) == {"kvm.cpuid_test"}
    assert kept(trees, plan, Options(out=Path(), checks=("net.csum.exit_status",))) == {"net.csum"}
    assert len(kept(trees, plan, Options(out=Path(), keep_timeouts=True))) == len(ASKED)


def test_a_file_that_the_architecture_has_no_folder_for_is_no_test_of_it() -> None:
    changed = Changed(tests=(Selftest("kvm", "aarch64/cpuid_test"),))
    assert not changed.has(Selftest("kvm", "cpuid_test"), X86)
    assert changed.has(Selftest("kvm", "cpuid_test"), archs.get("arm64"))


# --- what is told -------------------------------------------------------------------------------


def test_a_result_tells_what_the_names_and_the_checks_do_not() -> None:
    calls = parse(["kvm:a", "kvm:a -b '1 2'", "kvm.b2=kvm:b", "kvm:c", "kvm:d", "kvm:e"])
    base = [
        *(Check(id=f"{name}.exit_status", status=Status.PASS) for name in ("kvm.a", "kvm.a-2", "kvm.b2")),
        Check(id="kvm.c.exit_status", status=Status.FAIL, detail="Random seed: 1\nno answer after 100 s"),
        Check(id="kvm.d.exit_status", status=Status.FAIL, detail="Random seed: 1\nexit status 254"),
        Check(id="kvm.e.exit_status", status=Status.FAIL, detail="it was not built"),
    ]
    probes = [call.probe for call in calls]
    assert selftests.notes(probes, built(calls), base, {"kvm.c"}) == (
        SelftestNote(name="kvm.a-2", call="kvm:a -b '1 2'"),
        SelftestNote(name="kvm.b2", call="kvm.b2=kvm:b"),
        SelftestNote(name="kvm.c", on_base="no answer after 100 s", left_out=True),
        SelftestNote(name="kvm.d", on_base="exit status 254"),
    )
    assert selftests.notes(probes[:1], built(calls), base, set()) == ()
