# SPDX-License-Identifier: GPL-2.0-only
"""--selftest-clang: what clang alone refuses of a tip's tests is told, and nothing else is another for it."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from kseries import inputs
from kseries.app import clangtests, planning, setup
from kseries.app.options import Options
from kseries.app.session import run
from kseries.model import ClangTests, events
from kseries.report import html, text
from kseries.sources import TreeStore
from tests.support import tiny
from tests.support.gitrepo import Repository

PLACE = "tools/testing/selftests/toy"
RULES = "$(OUTPUT)/%: %.c\n\t$(CC) $(KHDR_INCLUDES) -o $@ $<\n"
FINE = "int main(void) { return 0; }\n"
ATOMIC = "#include <stdatomic.h>\nint x;\nint main(void) { return atomic_load_explicit(&x, memory_order_relaxed); }\n"
NEITHER = "int main(void) { return NONE; }\n"
CLANG = """#!/bin/sh
[ "$1" = --version ] && { echo clang 99; exit; }
for one; do
	case $one in
	*.c) grep -q atomic_load "$one" && { echo "$one:3:1: error: pointer to _Atomic type"; exit 1; } ;;
	esac
done
exec gcc "$@"
"""
ERROR = "pointer to _Atomic type"


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    """A run of a series that touches three tests, and is asked for one of them and for one more."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    repository = Repository(tmp_path / "linux")
    below = {f"{PLACE}/Makefile": RULES, f"{PLACE}/old.c": FINE, f"{PLACE}/gone.c": FINE}
    repository.commit("base", {**tiny.kernel("base"), "arch/x86/kvm/Kconfig": "", **below})
    repository.git("tag", "base")
    tip = {f"{PLACE}/fine.c": FINE, f"{PLACE}/sub/atomic.c": ATOMIC, f"{PLACE}/neither.c": NEITHER}
    repository.commit("topic", {**tiny.kernel("topic"), **tip, f"{PLACE}/gone.c": None})
    repository.git("tag", "topic")
    return Options(
        out=tmp_path / "out",
        tree=str(repository.path),
        scenarios=("prefixes",),
        probes=("capabilities",),
        selftests=("toy:old,fine",),
        selftest_clang=True,
    )


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A clang that refuses what the real one does, on a path that a box shows."""
    place = Path("/usr/local/lib") / f"kseries-clang-{os.getpid()}"
    place.mkdir(parents=True)
    (place / "clang").write_text(CLANG)
    (place / "clang").chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")
    yield
    shutil.rmtree(place)


def told(options: Options, said: list[str]) -> ClangTests:
    def hear(event: events.Event) -> None:
        if isinstance(event, events.Preparing):
            said.append(event.what)

    trees = TreeStore(options.out.parent / "cache/kseries/trees.git")
    planned = planning.plan(inputs.load("base..topic", options.tree), options, trees, lambda _: None)
    return clangtests.of_tip(setup.setup_of(options), options, trees, planned, hear)


def test_what_clang_alone_refuses_is_told_of_each_test_asked_for_or_touched(options: Options, fake: None) -> None:
    said: list[str] = []
    found = told(options, said)
    assert found.compiler == "clang 99" and not found.missing
    assert found.compiled == ("toy:old", "toy:fine", "toy:sub/atomic"), "one that no compiler builds is not clang's"
    assert [*found.refused] == ["toy:sub/atomic"] and ERROR in found.refused["toy:sub/atomic"]
    assert told(options, said) == found and said == ["compiling the tip's tests by clang"], "it is kept"


@pytest.mark.skipif(shutil.which("clang") is None, reason="no clang here")
def test_the_real_clang_refuses_atomics_on_what_is_not_atomic(options: Options) -> None:
    found = told(options, [])
    assert [*found.refused] == ["toy:sub/atomic"] and "_Atomic" in found.refused["toy:sub/atomic"]


def test_where_clang_is_not_there_that_is_said_and_no_error(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.which
    monkeypatch.setattr("shutil.which", lambda name, **more: None if name == "clang" else real(name, **more))
    found = told(options, [])
    assert found.compiler is None and "not installed" in found.missing and found.refused == {}


def test_a_clang_that_does_not_answer_costs_no_result(
    options: Options, fake: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(shutil.which("clang") or "").write_text("#!/bin/sh\nexec sleep 600\n")
    monkeypatch.setattr(clangtests, "_SECONDS", 1)
    found = told(options, [])
    assert found.compiler is None and "clang" in found.missing and found.compiled == ()


def test_a_run_has_it_in_its_result_and_no_other_verdict(options: Options, fake: None) -> None:
    target = inputs.load("base..topic", options.tree)
    result = run(target, options, lambda _: None)
    assert isinstance(result.clang, ClangTests) and [*result.clang.refused] == ["toy:sub/atomic"]
    shown = text.render(result)
    assert "clang on the tip's selftests, as advice: it refuses 1 of 3 that gcc builds" in shown and ERROR in shown
    page = html.render(result, options.out)
    assert '<section id="clang">' in page and ERROR in page
    without = run(target, replace(options, selftest_clang=False), lambda _: None)
    assert without.clang is msgspec.UNSET and b'"clang"' not in msgspec.json.encode(without)
    assert (without.verdict, without.findings, without.states) == (result.verdict, result.findings, result.states)
