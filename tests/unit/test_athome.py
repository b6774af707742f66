# SPDX-License-Identifier: GPL-2.0-only
"""What is compiled at home for a run on a cluster is kept by home's compiler, whichever the hosts have."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kseries import inputs, kbuild
from kseries.app import clangtests, planning, setup, suiting
from kseries.app.options import Options
from kseries.cluster.address import Access
from kseries.model import events
from kseries.model.errors import InfraError
from kseries.sources import TreeStore
from tests.support import tiny
from tests.support.gitrepo import Repository

ELSEWHERE = Access("tcp://127.0.0.1:1")
TOY = "tools/testing/selftests/toy"
KCONFIG = 'config NET\n\tbool "network"\nconfig WIRE\n\tbool "a driver"\n\tdepends on NET\n'
BASE = {**tiny.kernel("base"), "Kconfig": KCONFIG, "Kbuild": "obj-y += net/\n", "arch/x86/kvm/Kconfig": ""}
TIP = {
    "net/Makefile": "obj-$(CONFIG_WIRE) += wire.o\n",
    "net/wire.c": "int a;\n",
    f"{TOY}/Makefile": "TEST_PROGS := new.sh\n$(OUTPUT)/%: %.c\n\t$(CC) $(KHDR_INCLUDES) -o $@ $<\n",
    f"{TOY}/new.c": "int main(void) { return 0; }\n",
}
AUTO = "looking for options that have net/wire.c compiled"
TESTS = "building the tip's tests"
CLANG = "compiling the tip's tests by clang"


class Case:
    """A series of one patch, asked for at home or with a cluster, each time in the same cache."""

    def __init__(self, place: Path) -> None:
        repository = Repository(place / "linux")
        for name, files in (("base", BASE), ("topic", TIP)):
            repository.commit(name, files)
            repository.git("tag", name)
        self.options = Options(
            out=place / "out", tree=str(repository.path), scenarios=("prefixes",), probes=("capabilities",)
        )
        self.trees = TreeStore(place / "cache/kseries/trees.git")
        self.plan = planning.plan(
            inputs.load("base..topic", str(repository.path)), self.options, self.trees, lambda _: None
        )

    def told(self, asked: Options) -> list[str]:
        """What is begun here for a run."""
        said: list[str] = []

        def hear(event: events.Event) -> None:
            if isinstance(event, events.Preparing):
                said.append(event.what)

        of_hosts = suiting.suited(setup.setup_of(asked), asked, self.plan, self.trees, hear)
        assert of_hosts.toolchain == ("" if asked.cluster else kbuild.toolchain(of_hosts.arch, of_hosts.config))
        if asked.selftest_clang:
            theirs = replace(of_hosts, toolchain="what the hosts have") if asked.cluster else of_hosts
            clangtests.of_tip(theirs, asked, self.trees, self.plan, hear)
        return [one for one in said if one in (AUTO, TESTS, CLANG)]


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Case(tmp_path)


def of_tip(options: Options) -> Options:
    return replace(options, selftests=("toy:new",), selftests_from="tip")


def by_clang(options: Options) -> Options:
    return replace(options, selftests=("toy:new",), selftest_clang=True)


def auto(options: Options) -> Options:
    return replace(options, auto=True)


@pytest.mark.parametrize(
    ("asking", "made"),
    [
        (of_tip, TESTS),
        (auto, AUTO),
        pytest.param(by_clang, CLANG, marks=pytest.mark.skipif(shutil.which("clang") is None, reason="no clang here")),
    ],
    ids=["tests", "options", "clang"],
)
def test_what_is_made_at_home_is_kept_by_homes_compiler(
    case: Case, monkeypatch: pytest.MonkeyPatch, asking: Callable[[Options], Options], made: str
) -> None:
    alone = asking(case.options)
    with_hosts = replace(alone, cluster=ELSEWHERE)
    assert case.told(alone) == [made] and case.told(with_hosts) == [], "this host has made it for itself"
    monkeypatch.setattr(kbuild, "toolchain", lambda *_: "gcc 99")
    assert case.told(with_hosts) == [made], "another compiler is installed at home"
    assert case.told(with_hosts) == [] and case.told(alone) == []


def test_a_home_without_a_compiler_has_a_setup_where_nothing_is_made_here(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> str:
        raise InfraError("no gcc")

    monkeypatch.setattr(kbuild, "toolchain", none)
    asked = replace(case.options, cluster=ELSEWHERE)
    made = suiting.suited(setup.setup_of(asked), asked, case.plan, case.trees, lambda _: None)
    assert made.toolchain == ""
    found = clangtests.of_tip(made, by_clang(asked), case.trees, case.plan, lambda _: None)
    assert found.missing, "it is advice, and the run has its result by now"
    for asking in (of_tip, auto):
        with pytest.raises(InfraError, match="no gcc"):
            suiting.suited(made, asking(asked), case.plan, case.trees, lambda _: None)
