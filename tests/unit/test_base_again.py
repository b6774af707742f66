# SPDX-License-Identifier: GPL-2.0-only
"""A cache that knows what base does, and has neither its build folder nor its objects: base is built once more."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from kseries.cache.gc.collect import collect
from kseries.cache.store import Store
from kseries.evaluate.engine import Engine
from kseries.evaluate.setup import Setup
from kseries.host import checksummed, files, paths
from kseries.kbuild import Worker
from kseries.kbuild.config import Config
from kseries.model import Accel, Build, Plan, StateResult, events
from kseries.model.errors import InfraError
from kseries.model.notewords import BASE_AGAIN
from kseries.report import plans as planned_view
from kseries.sources import TreeStore
from tests.support import tiny
from tests.support.engines import engine as engine_for
from tests.support.gitrepo import Repository
from tests.support.kbuild import ARCH, FRAGMENT

SETUP = Setup(ARCH, Accel(name="tcg", why=""), "gcc", Config(FRAGMENT), tiny.ASKED, "")


_HEADERS = 5
_UAPI = ("install.sh", *(f"uapi/{number}.h" for number in range(_HEADERS)))
"""What make reads for headers alone."""


class Cache:
    """A cache, and the series that are run on it; what each build compiled is noted."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch, headers: int = 0) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(top))
        self.top = paths.cache()
        self.linux = Repository(top.parent / f"{top.name}-linux")
        self.trees = TreeStore(paths.cache("trees.git"))
        self._headers = headers
        self.base = self._tree("base")
        self.told: list[str] = []
        self.builds: list[tuple[str, int]] = []
        """Of each build the tree, and how many objects ccache had not."""
        self._monkeypatch = monkeypatch

    def _tree(self, which: str, **changed: str) -> str:
        more = dict.fromkeys(("unread.S", *_UAPI), "/* base */\n")
        made = {**tiny.kernel(which), "Kconfig": "", **more, **changed}
        made["Makefile"] = as_kbuild_notes(made["Makefile"], self._headers)
        commit = self.linux.commit(which, made)
        self.trees.add_repository(self.linux.path)
        return self.trees.tree_of(commit)

    def plan(self, name: str, base: str | None = None, **more: str) -> Plan:
        """A series of one patch, which changes one object, and may bring more files."""
        lib = f'{tiny.LIB}\t.asciz "{name}"\n'
        return tiny.plan(base or self.base, self._tree("base", **{"lib.S": lib, **more}))

    def other_base(self) -> str:
        return self._tree("another", **dict.fromkeys(_UAPI, "/* another */\n"))

    def engine(self, plan: Plan, workers: int = 1) -> Engine:
        tip = plan.states[1].tree
        made = tuple(
            Worker(
                paths.cache("workers", str(number)), self.trees, ARCH, Config(FRAGMENT), 2, probes=tiny.PROBES,
                series=f"{plan.base.tree}\n{tip}",
            )
            for number in range(workers)
        )  # fmt: skip
        for worker in made:
            self._watch(worker)
        return engine_for(SETUP, made, Store(paths.cache("results")), self._hear)

    def _watch(self, worker: Worker) -> None:
        build = worker.build

        async def watched(tree: str, *args: object, **how: object) -> Build:
            built: Build = await build(tree, *args, **how)  # type: ignore[arg-type]
            self.builds.append((tree, built.compiled - built.found))
            return built

        self._monkeypatch.setattr(worker, "build", watched)

    def _hear(self, event: events.Event) -> None:
        if isinstance(event, events.Preparing):
            self.told.append(event.what)

    async def run(self, plan: Plan, workers: int = 1) -> dict[str, StateResult]:
        self.told, self.builds = [], []
        return await self.engine(plan, workers).run(plan, self.top / "out")

    @property
    def source(self) -> Path:
        """The first worker's source folder."""
        return self.top / "workers/0/source"

    @property
    def index(self) -> Path:
        """By which is known what it holds."""
        return self.top / "workers/0/index"

    @property
    def folders(self) -> list[Path]:
        """The build folders, and what base has left of them."""
        return list(self.top.glob(f"workers/*/{ARCH.name}-*"))

    def lose(self) -> None:
        """All that was built, and none of the results."""
        for part in ("workers", "ccache"):
            shutil.rmtree(self.top / part)

    def collect(self) -> None:
        """Likewise, as ``kseries gc`` does it."""
        kept = sum(files.used(self.top / part) for part in ("results", "trees.git"))
        collect(self.top, 2 * kept, dry_run=False, tell=events.unheard)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Cache]:
    return lambda name: Cache(tmp_path / name, monkeypatch)


@pytest.fixture
def cache(make: Callable[[str], Cache]) -> Cache:
    return make("cache")


def as_kbuild_notes(makefile: str, headers: int) -> str:
    """The tiny kernel's Makefile with notes of absolute paths, of folders too, and of some headers by their script."""
    for name in ("lib", "main"):
        note = f"echo 'savedcmd_{name}.o := gcc -I$(CURDIR)/include $(CURDIR)/{name}.S' >$(O)/.{name}.o.cmd"
        makefile = makefile.replace(f"-o $@ {name}.S", f"-o $@ {name}.S\n\t@{note}")
    note = 'echo "savedcmd_$$one.h := $(CURDIR)/install.sh $(CURDIR)/uapi/$$one.h" >$(O)/usr/include/.$$one.h.cmd'
    numbers = " ".join(map(str, range(headers)))
    install = f"mkdir -p $(O)/usr/include\n\tfor one in {numbers}; do {note}; done"
    return makefile.replace("headers:\n", f"headers:\n\t{install}\n")


def essence(results: dict[str, StateResult]) -> dict[str, object]:
    """All but how long it took, and what ccache had."""
    return {name: msgspec.structs.replace(one, seconds={}, objects=None) for name, one in results.items()}


@pytest.mark.parametrize("lose", [Cache.lose, Cache.collect])
async def test_base_is_built_again_once_and_each_series_compiles_what_it_changes(
    make: Callable[[str], Cache], lose: Callable[[Cache], None]
) -> None:
    whole = make("whole")
    wanted = [essence(await whole.run(whole.plan(name))) for name in "abc"]
    lost = make("lost")
    assert essence(await lost.run(lost.plan("a"))) == wanted[0]
    lose(lost)
    assert not lost.folders and list(lost.top.glob("results/*"))

    second = lost.plan("b")
    assert essence(await lost.run(second)) == wanted[1]
    assert lost.told == [BASE_AGAIN]
    (again, missed), *states = lost.builds
    assert again == lost.base and (missed > 1 or lose is Cache.collect) and states == [(second.states[-1].tree, 1)]
    third = lost.plan("c")
    assert essence(await lost.run(third)) == wanted[2]
    assert lost.told == [] and lost.builds == [(third.states[-1].tree, 1)]


async def test_a_folder_that_another_base_has_filled_is_no_folder_of_this_one(cache: Cache) -> None:
    plan, other = cache.plan("a"), cache.plan("b", cache.other_base())
    await cache.run(plan)
    await cache.run(other)
    shutil.rmtree(cache.top / "ccache")
    again = cache.plan("c")
    await cache.run(again)
    assert cache.told == [BASE_AGAIN] and cache.builds[-1] == (again.states[-1].tree, 1)


async def test_a_folder_of_base_that_is_damaged_is_none(cache: Cache) -> None:
    await cache.run(cache.plan("a"))
    (pristine,) = cache.top.glob("workers/0/*.pristine")
    (pristine / "obj" / "main.o").write_bytes(b"nothing")
    await cache.run(plan := cache.plan("b"))
    assert cache.told == [BASE_AGAIN] and [tree for tree, _ in cache.builds] == [cache.base, plan.states[-1].tree]


@pytest.mark.parametrize("back", [False, True])
async def test_a_folder_whose_sources_another_kernel_was_written_over_is_outdated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: bool
) -> None:
    cache = Cache(tmp_path / "cache", monkeypatch, _HEADERS)
    await cache.run(cache.plan("a"))
    for tree in (cache.other_base(), *([cache.base] if back else [])):
        cache.trees.check_out(tree, cache.source, cache.index)
    plan = cache.plan("b")
    assert cache.engine(plan).forecast(plan)[0].again
    await cache.run(plan)
    assert cache.told == [BASE_AGAIN] and cache.builds == [(cache.base, 0), (plan.states[-1].tree, 1)]
    await cache.run(cache.plan("c"))
    assert cache.told == []


async def test_a_series_that_goes_on_is_foretold_what_it_builds_with_base_again(cache: Cache) -> None:
    plan = cache.plan("a")
    await cache.run(plan)
    tip = plan.states[-1]
    for tree in (cache.other_base(), cache.base):
        cache.trees.check_out(tree, cache.source, cache.index)
    alike = msgspec.structs.replace(tip, id="without-1", tree=cache.plan("a", **{"unread.S": "x"}).states[-1].tree)
    plan = msgspec.structs.replace(plan, states=(*plan.states, alike))
    assert [one.state for one in cache.engine(plan).forecast(plan) if one.to_build] == ["without-1"]
    await cache.run(plan)
    assert cache.told == [BASE_AGAIN] and [tree for tree, _ in cache.builds] == [cache.base, alike.tree]


async def test_folders_that_a_series_writes_to_outdate_nothing(cache: Cache) -> None:
    for name in "abc":
        await cache.run(cache.plan(name, **{f"include/{name}/new.h": "/* */\n"}))
        assert cache.told == []


async def test_a_cache_that_was_copied_is_gone_on_with(cache: Cache) -> None:
    await cache.run(cache.plan("a"))
    workers, copied = cache.top / "workers", cache.top / "copied"
    shutil.copytree(workers, copied, symlinks=True)
    shutil.rmtree(workers)
    copied.rename(workers)
    plan = cache.plan("b")
    await cache.run(plan)
    assert cache.told == [] and cache.builds == [(plan.states[-1].tree, 1)]
    assert (cache.source / "main.S").stat().st_mtime < (cache.source / "lib.S").stat().st_mtime - 1


async def test_a_series_goes_on_with_what_it_has_built_itself(cache: Cache) -> None:
    plan = cache.plan("a")
    await cache.run(plan)
    (pristine,) = cache.top.glob("workers/0/*.pristine")
    shutil.rmtree(pristine)
    longer = cache.plan("a, and more")
    state = msgspec.structs.replace(longer.states[-1], id="without-1")
    longer = msgspec.structs.replace(plan, states=(*plan.states, state))
    await cache.run(longer)
    assert cache.told == [] and [tree for tree, _ in cache.builds] == [state.tree]


async def test_a_folder_that_was_built_in_before_a_reboot_is_none(cache: Cache) -> None:
    plan = cache.plan("a")
    await cache.run(plan)
    (boot,) = cache.top.glob("workers/0/*/boot")
    checksummed.write(boot, b"another boot of this host")
    state = msgspec.structs.replace(cache.plan("a, and more").states[-1], id="without-1")
    await cache.run(msgspec.structs.replace(plan, states=(*plan.states, state)))
    assert cache.told == [BASE_AGAIN] and cache.builds == [(cache.base, 0), (state.tree, 1)]


async def test_where_nothing_is_left_to_be_built_base_is_not(cache: Cache) -> None:
    plan = cache.plan("a")
    await cache.run(plan)
    cache.lose()
    await cache.run(plan)
    assert cache.told == [] and cache.builds == [] and not cache.folders


async def test_of_several_workers_one_compiles_base_and_the_others_find_it(cache: Cache) -> None:
    await cache.run(cache.plan("a"))
    cache.lose()
    plan = cache.plan("b")
    more = [cache.plan(name).states[-1] for name in "cde"]
    named = [msgspec.structs.replace(state, id=f"without-{number}") for number, state in enumerate(more, 1)]
    await cache.run(msgspec.structs.replace(plan, states=(*plan.states, *named)), workers=3)
    assert cache.told == [BASE_AGAIN]
    assert [missed for tree, missed in cache.builds if tree == cache.base][1:] in ([], [0], [0, 0])
    assert all(missed == 1 for tree, missed in cache.builds if tree != cache.base)


async def test_a_base_that_does_not_build_any_more_is_this_hosts_fault_and_no_patchs(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cache.run(cache.plan("a"))
    cache.lose()
    engine, plan = cache.engine(cache.plan("b")), cache.plan("b")

    async def broken(*_: object, **__: object) -> Build:
        return Build(ok=False, seconds=1.0, errors=("gcc: fatal error: cannot execute 'cc1'",))

    monkeypatch.setattr(engine._crew._executors[0].worker, "build", broken)  # type: ignore[attr-defined]
    with pytest.raises(InfraError, match="base does not build here any more: gcc: fatal error"):
        await engine.run(plan, cache.top / "out")
    assert set(engine.known(plan)) == {"base"}


async def test_a_plan_foretells_that_base_is_built_again(cache: Cache) -> None:
    await cache.run(cache.plan("a"))
    plan = cache.plan("b")
    assert not any(one.again for one in cache.engine(plan).forecast(plan))
    cache.lose()
    foretold = cache.engine(plan).forecast(plan)
    assert [(one.state, one.known, one.again) for one in foretold] == [("base", True, True), ("prefix-1", False, False)]
    text = planned_view.render(plan, foretold)
    assert f"known; {BASE_AGAIN}" in text and "1 of 2 kernels to build and boot (1 known from before)" in text
    assert not (cache.top / "workers").exists()
