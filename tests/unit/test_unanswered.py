# SPDX-License-Identifier: GPL-2.0-only
"""What base passed and another kernel skips, or does not have, is seen in two boots before it is told of a patch."""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from msgspec import UNSET

from kseries import judge
from kseries.cache.store import Store
from kseries.coverage.tracepoints import Watch
from kseries.evaluate.bases import Bases
from kseries.evaluate.crew import Fixed
from kseries.evaluate.engine import Engine
from kseries.evaluate.images import Images
from kseries.evaluate.jobs import Jobs
from kseries.evaluate.local import Local
from kseries.evaluate.memory import Memory
from kseries.guest import machine, repeat
from kseries.kbuild import Worker
from kseries.kbuild.timing import Timing
from kseries.model import (
    Baseline,
    Boot,
    Build,
    Check,
    Ending,
    Finding,
    FindingKind,
    Job,
    Observation,
    Outcome,
    Plan,
    StateResult,
    Status,
    events,
)
from kseries.probes import baseline
from kseries.sources import TreeStore
from kseries.sources.treestore import Change
from tests.support.engines import SETUP, FullDisk
from tests.support.judged import CAP, FAIL, MISSING, PASS, SKIP, XFAIL, plan_of
from tests.support.shown import ASKED, IN_TIME, OURS, OVERDUE, SLOW, SOUND, seen

A = "mm.busy.a"
Shown = Mapping[str, Status]
FINE: Shown = {A: PASS, "mm.busy.b": PASS}
SKIPS: Shown = {A: SKIP, "mm.busy.b": PASS}
LACKS: Shown = {"mm.busy.b": PASS}
BASELINE = Baseline(passed=(A, "mm.busy.b"), lacks=(CAP,))


def boot(shown: Shown, detail: str = "resource busy", caps: Mapping[str, int] | None = None, **more: Any) -> Boot:
    checks = tuple(
        Check(id=name, status=status, detail=detail if status is SKIP else "") for name, status in shown.items()
    )
    told = Boot(
        outcome=Outcome.OK, ending=Ending.DONE, detail="", seconds=1.0, seconds_to_first_check=None,
        caps=dict(caps or {}), checks=checks, console="",
    )  # fmt: skip
    return msgspec.structs.replace(told, **more)


# --- how often a kernel is booted ---------------------------------------------------------------


def booted(*boots: Boot, times: int = 1, base: Baseline = BASELINE) -> repeat.Repeated:
    """What comes of a kernel that boots like this, each time that it is booted; fails where one is left."""
    left = iter(boots)

    async def boot_once(log: Path) -> Boot:
        log.write_text("it boots\n")
        return next(left)

    with tempfile.TemporaryDirectory() as place:
        told = asyncio.run(repeat.boot(boot_once, times, Path(place) / "console.log", base))
    assert next(left, None) is None
    return told


@pytest.mark.parametrize("first", [SKIPS, LACKS])
def test_what_has_an_answer_in_the_second_boot_is_flaky(first: Shown) -> None:
    told = booted(boot(first), boot(FINE))
    assert (told.boots, told.flaky) == (2, (A,))


@pytest.mark.parametrize("both", [SKIPS, LACKS])
def test_what_has_no_answer_in_two_boots_is_not_flaky(both: Shown) -> None:
    told = booted(boot(both), boot(both))
    assert (told.boots, told.flaky) == (2, ())


@pytest.mark.parametrize("first", [FINE, {**FINE, A: XFAIL}, {**SKIPS, "mm.other": SKIP}])
def test_what_base_does_not_pass_and_what_passes_costs_no_boot(first: Shown) -> None:
    base = msgspec.structs.replace(BASELINE, passed=tuple(name for name in BASELINE.passed if first[name] is not SKIP))
    assert booted(boot(first), base=base).boots == 1
    assert booted(boot(first), base=Baseline()).boots == 1  # base itself


def test_a_skip_for_a_capability_that_base_lacks_costs_no_boot() -> None:
    for_want = f"{CAP} is advertised"
    assert booted(boot(SKIPS, for_want, {CAP: 1})).boots == 1
    others: list[tuple[str, dict[str, int]]] = [(for_want, {CAP: 0}), (for_want, {}), ("resource busy", {CAP: 1})]
    for reason, caps in others:
        assert booted(boot(SKIPS, reason, caps), boot(SKIPS, reason, caps)).boots == 2
    disputed = boot(SKIPS, for_want, {CAP: 1}, disputed=(CAP,))  # so that it is not known
    assert booted(disputed, disputed).boots == 2
    base = msgspec.structs.replace(BASELINE, lacks=())
    assert booted(boot(SKIPS, for_want, {CAP: 1}), boot(SKIPS, for_want, {CAP: 1}), base=base).boots == 2


def test_who_asks_for_more_boots_has_enough_of_them() -> None:
    assert booted(boot(SKIPS), boot(FINE), boot(FINE), times=3).flaky == (A,)


# --- what base has answered ---------------------------------------------------------------------


def test_what_base_has_answered_is_what_it_passed_in_each_boot_and_what_it_says_it_lacks() -> None:
    status = {"p.a": PASS, "p.b": FAIL, "p.c": SKIP, "p.d": XFAIL, "p.e": MISSING, "p.f": PASS}
    checks = tuple(Check(id=name, status=one) for name, one in status.items())
    base = Observation(tree="t", outcome=Outcome.OK, checks=checks, flaky=("p.f",), caps={"C": 0, "B": 0, "D": 1})
    assert baseline.of(base) == Baseline(passed=("p.a",), lacks=("B", "C"))


def test_the_jobs_of_a_plan_know_what_base_has_answered_once_it_has() -> None:
    plan = plan_of(("base", "prefix-1"), patches=(1,))
    jobs = Jobs(ASKED, plan)
    assert jobs.of(plan.states[1]).baseline is UNSET
    known = jobs.after(seen(jobs.of(plan.states[0]), OVERDUE))
    assert known.of(plan.states[0]).baseline is UNSET
    told = known.of(plan.states[1]).baseline
    assert told == Baseline(passed=(f"{SOUND}.exit_status", f"{OURS}.a"))  # no other state is asked kvm.slow
    assert SLOW in known.left_out
    passes_nothing = jobs.after(seen(jobs.of(plan.states[0]), dict.fromkeys(IN_TIME, FAIL)))
    assert passes_nothing.of(plan.states[1]).baseline is UNSET


def test_what_base_has_answered_goes_with_a_job_that_is_sent_and_with_no_other() -> None:
    job = Job(name="prefix-1", tree="t", base="b", series=("t",), conditions=SETUP.conditions)
    assert b"baseline" not in msgspec.json.encode(job)
    knows = msgspec.structs.replace(job, baseline=BASELINE)
    assert msgspec.json.decode(msgspec.json.encode(knows), type=Job) == knows
    assert msgspec.json.decode(msgspec.json.encode(job), type=Job) == job


# --- what is stored -----------------------------------------------------------------------------

STORED = Observation(tree="t", outcome=Outcome.OK, checks=boot(SKIPS).checks)


@pytest.mark.parametrize(
    ("stored", "base", "found"),
    [
        (STORED, BASELINE, False),
        (msgspec.structs.replace(STORED, checks=boot(LACKS).checks), BASELINE, False),
        (msgspec.structs.replace(STORED, boots=2), BASELINE, True),
        (msgspec.structs.replace(STORED, checks=boot(FINE).checks), BASELINE, True),
        (STORED, msgspec.structs.replace(BASELINE, passed=("mm.busy.b",)), True),
        (STORED, UNSET, True),
        (Observation(tree="t", outcome=Outcome.BUILD_FAILED), BASELINE, True),
        (Observation(tree="t", outcome=Outcome.NOT_BOOTED), BASELINE, True),
    ],
)
def test_what_is_stored_of_one_boot_is_known_to_who_can_judge_by_it(
    tmp_path: Path, stored: Observation, base: Baseline, found: bool
) -> None:
    memory = Memory(SETUP, Store(tmp_path / "s"))
    job = Job(name="prefix-1", tree="t", base="b", series=("t",), conditions=SETUP.conditions, baseline=base)
    memory.keep(job, stored, tmp_path)
    assert (memory.find(job) is not None) == found


async def test_an_image_of_which_not_enough_is_known_is_booted_once_more_for_all_who_wait() -> None:
    images, boots = Images(), list[str]()

    async def boot_as(name: str) -> Observation:
        boots.append(name)
        await asyncio.sleep(0)
        return Observation(tree=name, outcome=Outcome.OK)

    def enough(seen: Observation) -> bool:
        return seen.tree != "a"

    await images.result("image", lambda: boot_as("a"))
    told = await asyncio.gather(*(images.result("image", lambda n=n: boot_as(n), enough=enough) for n in "bc"))  # type: ignore[misc]
    assert [(one.tree, fresh) for one, fresh in told] == [("b", True), ("b", False)] and boots == ["a", "b"]


# --- through the engine -------------------------------------------------------------------------


class Builder(FullDisk):
    """A worker that builds each tree into bytes of its own."""

    def __init__(self, place: Path) -> None:
        super().__init__()
        self.built: list[str] = []
        self._place = place

    def changes(self, old: str, new: str) -> tuple[Change, ...]:  # type: ignore[override]
        return (Change("main.c", ("100644", old), ("100644", new)),) if old != new else ()

    def changes_since(self, _old: str, _new: str) -> tuple[Change, ...]:
        return ()

    @property
    def timing(self) -> Timing:
        return Timing(self._place)

    def scratch(self) -> AbstractContextManager[Path]:
        return nullcontext(self._place / "scratch")

    async def build(self, *words: object, trusted: bool, **__: object) -> Build:
        tree, into = str(words[0]), Path(str(words[1]))
        into.mkdir(parents=True, exist_ok=True)
        self.built.append(tree)
        files = [self._place / f"{tree}-{what}" for what in ("kernel", "vmlinux", "initrd")]
        for file in files:
            file.write_text(tree)
        kernel, symbols, initrd = map(str, files)
        return Build(ok=True, seconds=1.0, kernel=kernel, symbols=symbols, initrd=initrd)


class Lab:
    """A base and two patches, whose kernels boot as a test says, one boot after the other."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place = place
        self.plan: Plan = plan_of(("base", "prefix-1", "prefix-2"), patches=(1, 2))
        self.store = Store(place / "results")
        self.heard: list[events.Event] = []
        self.booted: list[str] = []
        self.slow: set[str] = set()
        """Whose boots come to their end after all others have."""
        self._shows: dict[str, Sequence[Shown]] = {}
        monkeypatch.setattr(machine, "boot_as", self._boot)

    async def _boot(self, booting: machine.Booting, _probes: object, log: Path, *_: object) -> Boot:
        tree = booting.image.kernel.read_text()
        times = self.booted.count(tree)
        self.booted.append(tree)
        log.write_text("it boots\n")
        await asyncio.sleep(0.3 if tree in self.slow else 0)
        shows = self._shows.get(tree, (FINE,))
        return boot(shows[min(times, len(shows) - 1)])

    def run(self, **shows: Sequence[Shown]) -> dict[str, StateResult]:
        """Each state of a run; ``prefix_1`` is what the boots of that show, the last of them also of those after it."""
        self._shows = {name.replace("_", "-"): what for name, what in shows.items()}
        self.booted.clear()
        self.heard.clear()
        self.worker = Builder(self.place)
        executor = Local(SETUP, cast(Worker, self.worker), self.store, Images(), Bases())
        trees = cast(TreeStore, self.worker)
        engine = Engine(SETUP, Fixed((executor,)), trees, self.store, self.heard.append, cast("Watch | None", None))
        return asyncio.run(engine.run(self.plan, self.place / "out"))

    def findings(self, results: Mapping[str, StateResult]) -> list[Finding]:
        _, findings, _ = judge.judge(self.plan, results, ())
        return [one for one in findings if not one.is_advice]

    def forget_base(self) -> None:
        """Have nothing be known of base, nor of its image."""
        for place in (self.place / "results").iterdir():
            if msgspec.json.decode((place / "observation.json").read_bytes(), type=Observation).tree == "base":
                shutil.rmtree(place)

    @property
    def done(self) -> list[tuple[str, bool]]:
        told = (event for event in self.heard if isinstance(event, events.StateDone))
        return [(event.result.id, event.known) for event in told]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(tmp_path, monkeypatch)


@pytest.mark.parametrize("once", [SKIPS, LACKS])
@pytest.mark.parametrize("slow", ["", "base"])
def test_a_state_that_has_no_answer_in_one_of_two_boots_has_no_finding(lab: Lab, once: Shown, slow: str) -> None:
    """Nor where it was booted before base had answered."""
    lab.slow = {slow}
    for name in ("prefix_1", "prefix_2"):
        results = lab.run(**{name: (once, FINE)})
        assert lab.findings(results) == []
        state = name.replace("_", "-")
        assert lab.booted.count(state) >= 2 and lab.booted.count("base") == 1
        lab.store = Store(lab.place / f"after-{name}")


@pytest.mark.parametrize("both", [SKIPS, LACKS])
@pytest.mark.parametrize("slow", ["", "base"])
def test_a_state_that_has_no_answer_in_two_boots_has_lost_it(lab: Lab, both: Shown, slow: str) -> None:
    lab.slow = {slow}
    results = lab.run(prefix_1=(both,))
    assert [(one.kind, one.state) for one in lab.findings(results)] == [(FindingKind.BISECT_HOLE, "prefix-1")]
    assert results["prefix-1"].boots == 2
    assert sorted(lab.done) == [("base", False), ("prefix-1", False), ("prefix-2", False)]  # each is told of once


def test_a_state_that_was_booted_before_base_had_answered_is_built_again_where_that_is_not_enough(lab: Lab) -> None:
    lab.slow = {"base"}
    lab.run(prefix_1=(SKIPS, SKIPS, FINE))
    assert sorted(lab.worker.built) == ["base", "prefix-1", "prefix-1", "prefix-2"]
    assert lab.booted.count("prefix-1") == 3 and lab.booted.count("prefix-2") == 1


def test_what_is_stored_of_one_boot_is_booted_again_and_stored_anew(lab: Lab) -> None:
    lab.run(base=(LACKS,), prefix_1=(SKIPS,))  # base passes the other check alone
    assert lab.booted.count("prefix-1") == 1
    (base,) = (state for state in lab.plan.states if state.id == "base")
    memory, job = Memory(SETUP, lab.store), Jobs(SETUP, lab.plan).of(base)
    memory.keep(job, Observation(tree="base", outcome=Outcome.OK, checks=boot(FINE).checks), lab.place)
    results = lab.run(prefix_1=(SKIPS,), prefix_2=(FINE,))
    assert lab.booted == ["prefix-1", "prefix-1"] and results["prefix-1"].boots == 2
    again = lab.run()
    assert lab.booted == lab.worker.built == [] and again == results


def test_nothing_is_recalled_before_it_is_known_whether_it_is_enough(lab: Lab) -> None:
    """Base is not known any more, and states are."""
    lab.run(base=(LACKS,), prefix_1=(SKIPS,))
    lab.forget_base()
    results = lab.run(prefix_1=(SKIPS, FINE))
    assert lab.worker.built == ["base", "prefix-1"] and lab.booted == ["base", "prefix-1", "prefix-1"]
    assert lab.findings(results) == []
    assert lab.done == [("base", False), ("prefix-2", True), ("prefix-1", False)]
