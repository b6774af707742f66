# SPDX-License-Identifier: GPL-2.0-only
"""What one run has found, another tells in its own words: no name, no log and no bad luck of a host comes along.

Nothing is compiled or booted: a worker puts down an image, and what boots says that it came to its end.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from kseries.app import rundir
from kseries.cache.store import Store
from kseries.evaluate.engine import Engine
from kseries.guest import machine
from kseries.kbuild.dependencies import FolderDependencies
from kseries.kbuild.timing import Timing
from kseries.model import Boot, Build, Check, Ending, Origin, Outcome, Plan, Probe, StateResult, Status, events
from kseries.model.errors import InfraError
from kseries.sources import Change, Diff
from tests.support.engines import SETUP
from tests.support.engines import engine as engine_for
from tests.support.judged import plan_of

SOURCE = Path("/source")
FAILS = ""
"""The code of a tree that does not build."""


class Folder:
    """A worker whose trees have two files: code, which is the image, and one that no build reads."""

    def __init__(self, place: Path) -> None:
        self.sources: dict[str, dict[str, str]] = {}
        self.built: list[str] = []
        self._obj, self._scratch = place / "obj", place / "scratch"
        self._obj.mkdir(parents=True)
        self.dependencies = FolderDependencies(self._obj, SOURCE, place)
        self.timing = Timing(place)
        self.holds: str | None = None

    async def take(self, wait: Callable[..., None] | None = None) -> None:
        pass

    def give_back(self) -> None:
        pass

    def say(self, what: str, done: int, total: int) -> None:
        pass

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        yield self._scratch

    @property
    def trees(self) -> "Folder":
        return self

    def changes(self, old: str, new: str) -> tuple[Change, ...]:
        pairs = ((path, self.sources[old][path], self.sources[new][path]) for path in self.sources[old])
        return tuple(Change(path, ("100644", was), ("100644", now)) for path, was, now in pairs if was != now)

    def begins_with(self, base: str) -> bool:
        return True

    async def finds(self, base: str) -> bool:
        return True

    def diffs(self, pairs: Sequence[tuple[str, str]], _paths: str) -> list[Diff]:
        return [() for _ in pairs]

    async def build(self, tree: str, into: Path, compiled: object, **_: object) -> Build:
        self.built.append(tree)
        into.mkdir(parents=True, exist_ok=True)
        (into / "build.log").write_text(f"this run builds {tree}\n")
        code = self.sources[tree]["code.c"]
        if code == FAILS:
            return Build(ok=False, seconds=1.0, errors=("code.c:1:1: error: it does not build",))
        for name in ("kernel", "vmlinux", "initrd.cpio"):
            (into / name).write_text(code)
        (self._obj / ".code.o.cmd").write_text(f"cmd_code.o := gcc {SOURCE}/code.c\n")
        self.dependencies.update(tree)
        kernel, symbols, initrd = (str(into / name) for name in ("kernel", "vmlinux", "initrd.cpio"))
        return Build(ok=True, seconds=1.0, kernel=kernel, symbols=symbols, initrd=initrd)


class Host:
    """A cache that several runs share."""

    def __init__(self, place: Path) -> None:
        self.store = Store(place / "results")
        self.out = place / "out"
        self.told: list[StateResult] = []
        self.booted: list[str] = []
        self.printed: dict[str, str] = {}
        """What the commands of each boot print."""
        self.setup = SETUP
        self.asked: list[tuple[str, list[str]]] = []
        """Each boot: its kernel, and the probes that it is asked."""
        self.overdue: list[str] = []
        """The probes that no boot answers in time."""
        self.fails: list[str] = []
        """The kernels whose next boot this host does not let come up."""
        self._place = place
        self._runs = 0

    def folder(self) -> Folder:
        self._runs += 1
        return Folder(self._place / f"worker-{self._runs}")

    async def run(self, folder: Folder, **trees: tuple[str, str]) -> dict[str, StateResult]:
        """A run of base and prefixes, by what their trees are called; each has some code and some words."""
        named = {"base": ("base", "words"), **trees}
        folder.sources = {tree: {"code.c": code, "words.h": words} for tree, (code, words) in named.items()}
        return await self.engine(folder).run(plan(*named), self.out)

    def engine(self, folder: Folder) -> Engine:
        def hear(event: events.Event) -> None:
            if isinstance(event, events.StateDone):
                self.told.append(event.result)

        return engine_for(self.setup, (folder,), self.store, hear)

    async def boot(self, booting: machine.Booting, asked: tuple[Probe, ...], log: Path, _: object) -> Boot:
        code = booting.image.kernel.read_text()
        self.booted.append(code)
        self.asked.append((code, [probe.name for probe in asked]))
        if code in self.fails:
            self.fails.remove(code)
            raise InfraError("QEMU did not come up")
        log.write_text(f"this run boots {code}\n")
        return Boot(
            outcome=Outcome.OK, ending=Ending.DONE, detail="", seconds=1.0, seconds_to_first_check=None, caps={},
            checks=tuple(map(self._checked, asked)), console=str(log), printed=self.printed,
        )  # fmt: skip

    def _checked(self, probe: Probe) -> Check:
        late = probe.name in self.overdue
        detail = "no answer after 100 s" if late else ""
        return Check(id=f"{probe.name}.exit_status", status=Status.FAIL if late else Status.PASS, detail=detail)


def plan(base: str, *trees: str) -> Plan:
    made = plan_of(("base", *(f"prefix-{number}" for number in range(1, len(trees) + 1))))
    states = tuple(
        msgspec.structs.replace(state, tree=tree) for state, tree in zip(made.states, (base, *trees), strict=True)
    )
    return msgspec.structs.replace(made, states=states, base=msgspec.structs.replace(made.base, tree=base))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    made = Host(tmp_path)
    monkeypatch.setattr(machine, "boot_as", made.boot)
    return made


# --- names --------------------------------------------------------------------------------------


async def test_whose_build_a_state_has_is_told_in_the_words_of_the_plan_that_tells_it(host: Host) -> None:
    trees = {"other": ("other", "words"), "a": ("a", "words"), "tip": ("tip", "words"), "b": ("a", "more")}
    first = await host.run(host.folder(), **trees)
    assert (first["prefix-4"].built_as, first["prefix-4"].unread) == ("prefix-2", ("words.h",))
    again = await host.run(host.folder(), a=("a", "words"), b=("a", "more"))
    assert again["prefix-2"].built_as == "prefix-1"
    note = "not rebuilt: words.h affects no object; prefix-1's result reused"
    assert again["prefix-2"].notes == (note,)
    assert [one.built_as for one in host.told if one.tree == "b"] == ["prefix-2", "prefix-1"]


async def test_a_build_that_the_plan_does_not_have_is_told_to_be_an_earlier_runs(host: Host) -> None:
    tree = "0123456789abcdef" * 2
    await host.run(host.folder(), **{tree: ("a", "words"), "b": ("a", "more")})
    again = await host.run(host.folder(), other=("other", "words"), more=("more", "words"), b=("a", "more"))
    assert again["prefix-3"].built_as == "tree 0123456789ab of an earlier run"
    assert not any("prefix-1" in note for note in again["prefix-3"].notes)


async def test_what_is_stored_names_no_state_of_the_run_that_stored_it(host: Host) -> None:
    await host.run(host.folder(), a=("a", "words"), b=("a", "more"), c=("c", "words"))
    stored = host.store.find(SETUP.key("b"))
    assert stored is not None and stored.built_as == "a"
    text = msgspec.json.encode(stored).decode()
    assert "prefix-" not in text


async def test_whose_kernel_was_booted_is_told_in_the_words_of_the_plan_that_tells_it(host: Host) -> None:
    """Another worker has not built the first, and so cannot know of the second that it need not be built."""
    await host.run(host.folder(), other=("other", "words"), a=("a", "words"))
    again = await host.run(host.folder(), a=("a", "words"), b=("a", "more"))
    assert again["prefix-2"].notes == ("not booted: same kernel, byte for byte; prefix-1's result reused",)
    assert again["prefix-2"].booted_as == "prefix-1"
    last = await host.run(host.folder(), other=("other", "words"), c=("a", "most"))
    assert last["prefix-2"].booted_as == "tree a of an earlier run"
    assert host.booted.count("a") == 1


# --- logs -----------------------------------------------------------------------------------------


async def test_what_commands_printed_is_kept_with_a_result_and_found_with_it(host: Host) -> None:
    host.printed = {"net": "ok 1 up\n"}
    first = await host.run(host.folder(), a=("a", "words"))
    log = host.out / first["prefix-1"].logs["commands"]
    assert log.read_text() == "--- net\nok 1 up\n\n"
    log.unlink()
    again = await host.run(host.folder(), a=("a", "words"))
    assert again["prefix-1"].logs == first["prefix-1"].logs and log.read_text() == "--- net\nok 1 up\n\n"
    host.printed = {}
    other = await host.run(host.folder(), b=("b", "words"))
    assert "commands" not in other["prefix-1"].logs and not log.exists()


# --- what base decides --------------------------------------------------------------------------


async def test_a_kernel_is_booted_again_where_base_was_asked_more(host: Host) -> None:
    """The bytes of base's image, of which the others ask less; among each other they are the same."""
    slow, sound = Probe.program("mm.slow", Origin.SELFTEST), Probe.program("mm.sound", Origin.SELFTEST)
    host.setup, host.overdue = SETUP.asking((slow, sound)), ["mm.slow"]
    trees = {"a": ("base", "more"), "b": ("b", "words"), "c": ("base", "most")}
    first = await host.run(host.folder(), **trees)
    whole, less = ["mm.slow", "mm.sound"], ["mm.sound"]
    assert host.asked == [("base", whole), ("base", whole), ("base", less), ("b", less)]  # a failure is seen twice
    assert (first["prefix-3"].built_as, first["prefix-3"].booted_as) == (None, None)
    assert first["prefix-1"].built_as == "prefix-3"
    again = await host.run(host.folder(), **trees, d=("d", "words"))
    assert host.asked[4:] == [("d", less)] and [one.id for one in again["prefix-4"].checks] == ["mm.sound.exit_status"]


# --- what the host is to blame for ----------------------------------------------------------------


async def test_a_cache_that_takes_no_result_ends_the_run(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """To build all the others would take hours, and none of them would be known afterwards."""
    folder = host.folder()
    await host.run(folder)

    def refused(*_: object) -> None:
        raise InfraError("cannot keep a result")

    monkeypatch.setattr(host.store, "put", refused)
    with pytest.raises(InfraError, match="cannot keep a result"):
        await host.run(folder, **{name: (name, "words") for name in "abcdefgh"})
    assert len(folder.built) < len("abcdefgh")


async def test_an_image_that_the_host_did_not_boot_is_booted_again_for_the_next_state(host: Host) -> None:
    host.fails = ["a"]
    seen = await host.run(_without_notes(host.folder()), a=("a", "words"), b=("a", "more"))
    assert sorted(seen[name].outcome for name in ("prefix-1", "prefix-2")) == [Outcome.INFRA_ERROR, Outcome.OK]
    assert sorted(host.booted) == ["a", "a", "base"]  # base does not wait for the others, nor they for it


async def test_a_state_that_is_not_built_does_not_have_the_bad_luck_of_another(host: Host) -> None:
    host.fails = ["a"]
    folder = host.folder()
    seen = await host.run(folder, a=("a", "words"), b=("a", "more"))
    assert [seen[name].outcome for name in ("prefix-1", "prefix-2")] == [Outcome.INFRA_ERROR, Outcome.OK]
    assert folder.built == ["base", "a", "b"]


def _without_notes(folder: Folder) -> Folder:
    def forgetful(tree: str | None, always: tuple[str, ...] = (), links: frozenset[str] = frozenset()) -> None:
        pass

    folder.dependencies.update = forgetful  # type: ignore[assignment, method-assign]
    return folder


# --- logs ---------------------------------------------------------------------------------------


def logs(out: Path) -> dict[str, str]:
    return {str(log.relative_to(out / "states")): log.read_text() for log in sorted(out.glob("states/*/*.log"))}


async def test_a_state_that_never_booted_shows_no_log_of_an_earlier_run(host: Host) -> None:
    await host.run(host.folder(), a=("a", "words"))
    assert logs(host.out)["prefix-1/console.log"] == "this run boots a\n"
    seen = await host.run(host.folder(), b=(FAILS, "words"))
    assert seen["prefix-1"].outcome is Outcome.BUILD_FAILED
    assert seen["prefix-1"].logs == {"build": "states/prefix-1/build.log"}
    assert {name: text for name, text in logs(host.out).items() if name.startswith("prefix-1")} == {
        "prefix-1/build.log": "this run builds b\n"
    }


async def test_a_state_that_the_host_did_not_boot_shows_what_it_has_said_itself(host: Host) -> None:
    await host.run(host.folder(), a=("a", "words"))
    host.fails = ["b"]
    seen = await host.run(host.folder(), b=("b", "words"))
    assert seen["prefix-1"].outcome is Outcome.INFRA_ERROR
    assert seen["prefix-1"].logs == {"build": "states/prefix-1/build.log"}
    assert logs(host.out)["prefix-1/build.log"] == "this run builds b\n"


async def test_a_state_of_which_there_is_no_tree_or_another_has_it_shows_none(host: Host) -> None:
    await host.run(host.folder(), a=("a", "words"), b=("b", "words"))
    folder = host.folder()
    folder.sources = {tree: {"code.c": tree, "words.h": "words"} for tree in ("base", "a")}
    base, one, two = plan("base", "a", "b").states
    conflicting = msgspec.structs.replace(one, tree=None, conflicts=("code.c",))
    same = msgspec.structs.replace(two, tree="base", same_as="base")
    made = msgspec.structs.replace(plan("base", "a", "b"), states=(base, conflicting, same))
    seen = await host.engine(folder).run(made, host.out)
    assert [seen[name].logs for name in ("prefix-1", "prefix-2")] == [{}, {}]
    assert [*logs(host.out)] == ["base/build.log", "base/console.log"]


def test_a_run_begins_without_the_logs_of_states_that_it_may_not_have(tmp_path: Path) -> None:
    kept = (tmp_path / "states/base/notes.txt", tmp_path / "x86_64/states/base/build.log", tmp_path / "result.json")
    stale = [
        tmp_path / f"{place}states/{state}/{log}.log"
        for place in ("", "squash-1+2/", "search/", "journey-2/", "journey-2.2/")
        for state in ("prefix-9", "prefix-2/without-1")
        for log in ("build", "console")
    ]
    for file in (*kept, *stale):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    rundir.begin(tmp_path)
    assert [file.exists() for file in (*kept, *stale)] == [True] * 3 + [False] * 20
    rundir.begin(tmp_path / "nowhere")
