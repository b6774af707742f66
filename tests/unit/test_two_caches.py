# SPDX-License-Identifier: GPL-2.0-only
"""Where a cache is, and what its path is made of, is in nothing that is built, found or told."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from kseries import inputs
from kseries.app import session
from kseries.app.options import Options
from kseries.evaluate import images
from kseries.host import paths, processes
from kseries.host.box.layout import OWN, TOP, Layout
from kseries.kbuild import Worker
from kseries.kbuild.config import Config
from kseries.model import Build, events
from kseries.model.errors import InfraError
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository
from tests.support.kbuild import ARCH, FRAGMENT, MAIN, MAKEFILE, WARNING, WARNS
from tests.support.sample import sampled

UGLY = "ha#sh a:b $x,%'\"\\=\n\N{LATIN SMALL LETTER E WITH ACUTE}\udcff"
"""What make, sh, ccache or git would take for more than a letter; the last one is no UTF-8."""
NAMES = sampled("faults", ["second", UGLY], lambda name: name == UGLY)
TELLS = MAKEFILE.replace("-c -o $@ main.c", "-g -DWHERE='\"$(CURDIR)\"' -c -o $@ $(CURDIR)/main.c")
"""As the kernel's own Makefiles, in which paths go into objects."""
WHERE = "const char *where = WHERE __FILE__;\n"
OTHER = MAIN.replace("0", "7")
SAYS = TELLS.replace("allnoconfig:\n", """allnoconfig:
	@echo '  HOSTLD  scripts/kconfig/conf'
	@echo "$(KCONFIG_ALLCONFIG):1:warning: override: reassigning to symbol A"
""")  # fmt: skip
"""Kconfig speaks of our fragment below the making of itself, as if that warned (scripts/kconfig/confdata.c)."""
SERIES = "base\ntip"


class Cache:
    """A cache of kseries in a place of its own, and a worker in it."""

    def __init__(self, top: Path, linux: Repository, monkeypatch: pytest.MonkeyPatch, *, boxed: bool = True) -> None:
        self.top = top
        self.linux = linux
        monkeypatch.setenv("XDG_CACHE_HOME", str(top))
        self.home = paths.cache("workers", "0")
        self.store = TreeStore(paths.cache("trees.git"))
        self.store.add_repository(linux.path)
        self.worker = Worker(self.home, self.store, ARCH, Config(FRAGMENT), 2, series=SERIES, boxed=boxed)
        self.steps: list[str] = []

    def hear(self, event: events.Event) -> None:
        """Note the steps of a build."""
        if isinstance(event, events.Compiled):
            self.steps.append(event.what)

    def build(self, *, trusted: bool = False, **changed: str) -> Build:
        """The tiny kernel that tells where it is built, with other contents of some files; ``main`` is main.c."""
        named = {("main.c" if name == "main" else name): text for name, text in changed.items()}
        files = {"Makefile": TELLS, "main.c": WHERE + WARNS, "Kconfig": "", **named}
        tree = self.store.tree_of(self.linux.commit("state", files))
        into = self.top / f"built-{len(list(self.top.glob('built-*')))}"
        return asyncio.run(self.worker.build(tree, into, self.hear, trusted=trusted))

    @property
    def folders(self) -> set[str]:
        """The build folders, without what base has left."""
        return {place.name for place in self.home.glob(f"{ARCH.name}-*") if place.suffix != ".pristine"}


@pytest.fixture
def linux(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "linux")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ccache has of the guests, so that each test need not compile them."""
    place = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        assert Cache(place, Repository(place / "linux"), patch).build(trusted=True, main=MAIN).ok
    return place / "kseries" / "ccache"


@pytest.fixture
def first(compiled: Path, tmp_path: Path, linux: Repository, monkeypatch: pytest.MonkeyPatch) -> Cache:
    shutil.copytree(compiled, tmp_path / "first" / "kseries" / "ccache")
    return Cache(tmp_path / "first", linux, monkeypatch)


def image(built: Build) -> str:
    assert built.kernel and built.initrd, (built.errors, Path(built.log).read_text())
    return images.digest(Path(built.kernel), Path(built.initrd))


# --- what is made -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES, ids=["plain", "ugly"])
def test_one_state_under_two_caches_is_one_image_and_the_second_finds_its_objects_in_a_copied_ccache(
    first: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    base = first.build(trusted=True)
    assert base.compiled > base.found, "main.o is new, at the least"
    second = tmp_path / name
    shutil.copytree(first.top / "kseries" / "ccache", second / "kseries" / "ccache")  # and nothing keeps its owner
    again = Cache(second, first.linux, monkeypatch).build(trusted=True)
    assert image(again) == image(base)
    assert again.found == again.compiled == base.compiled
    assert (again.warnings, again.linked, again.refused) == (base.warnings, base.linked, base.refused)


def test_a_copied_ccache_is_added_to_whoever_owns_the_copy(
    first: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first.build(trusted=True)
    shutil.copytree(first.top / "kseries" / "ccache", tmp_path / "second" / "kseries" / "ccache")
    second = Cache(tmp_path / "second", first.linux, monkeypatch)
    assert second.build(trusted=True, main=OTHER).ok
    shutil.rmtree(second.home)
    again = Cache(second.top, first.linux, monkeypatch).build(trusted=True, main=OTHER)
    assert again.found == again.compiled > 0


def test_nothing_in_a_build_folder_tells_where_the_cache_is(
    tmp_path: Path, linux: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path / "a-word-that-nobody-else-uses", linux, monkeypatch)
    assert cache.build(trusted=True).ok
    assert not cache.build(main="#error no\n").ok
    seen = [path for path in cache.home.rglob("*") if path.is_file() and cache.home / "source" not in path.parents]
    assert len(seen) > 50
    assert [path for path in seen if os.fsencode(cache.top.name) in path.read_bytes()] == []


def test_guests_are_built_under_the_same_path_wherever_the_project_is(first: Cache) -> None:
    built = first.build()
    assert built.ok
    log = Path(built.log).read_text()
    assert str(paths.project("guests")) not in log
    assert f"-isystem {TOP}/build/obj/usr/include" in log


# --- a cache that has moved ---------------------------------------------------------------------


def moved(cache: Cache, to: Path, monkeypatch: pytest.MonkeyPatch, *, boxed: bool = True) -> Cache:
    to.parent.mkdir(parents=True, exist_ok=True)
    cache.top.rename(to)
    return Cache(to, cache.linux, monkeypatch, boxed=boxed)


@pytest.mark.parametrize("name", NAMES, ids=["plain", "ugly"])
def test_a_cache_that_has_moved_is_gone_on_with(
    first: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert first.build(trusted=True).ok
    before = first.build(Kconfig="# one\n")
    assert before.warnings == (WARNING,)
    held = first.worker.holds
    second = moved(first, tmp_path / name, monkeypatch)
    assert held is not None and second.worker.holds == held and second.worker.dependencies.knows(held)
    after = second.build(Kconfig="# two\n")
    assert after.ok and "main.o" not in second.steps and after.compiled == after.found, "the guests' headers are new"
    assert (after.warnings, after.linked, after.refused) == (before.warnings, before.linked, before.refused)
    changed = second.build(main=WHERE + WARNS + "int more;\n")
    assert changed.compiled == changed.found + 1 and changed.warnings == before.warnings


def test_what_kconfig_says_of_our_fragment_is_no_warning_under_any_path(
    first: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = first.build(trusted=True, Makefile=SAYS)
    assert before.warnings == (WARNING,)
    after = moved(first, tmp_path / "second", monkeypatch).build(Makefile=f"{SAYS}\n", main=WHERE + MAIN)
    assert after.warnings == ()


def test_errors_name_files_as_they_are_in_the_tree_under_each_path(
    first: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = first.build(main="#error no good\n")
    assert broken.errors[0] == "main.c:1:2: error: #error no good"
    assert moved(first, tmp_path / UGLY, monkeypatch).build(main="#error no good\n").errors == broken.errors


def test_what_is_written_over_our_own_paths_is_no_reach_beyond_the_box(first: Cache) -> None:
    tries = "".join(f"\t-@echo x >{TOP}/{name}/none/x\n" for name in ("source", "build/obj", "guests"))
    built = first.build(Makefile=TELLS.replace("headers:\n", f"headers:\n{tries}"))
    assert built.ok and built.refused == ()
    built = first.build(Makefile=TELLS.replace("headers:\n", f"headers:\n\t-@echo x >{TOP}/ccache/x\n"))
    assert any(f"{TOP}/ccache/x" in line for line in built.refused), "what all share is nobody's to write to"


def test_a_folder_that_was_built_in_under_another_path_is_not_gone_on_with(
    first: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kseries before fixed paths has left it: its notes name the cache."""
    assert first.build().ok
    (name,) = first.folders
    old = first.home / name.removesuffix("-boxed")
    assert old.name != name
    (first.home / name).rename(old)
    assert Cache(first.top, first.linux, monkeypatch).worker.holds is None


# --- without a box ------------------------------------------------------------------------------


def test_without_a_box_a_moved_cache_begins_anew(
    tmp_path: Path, linux: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    with processes.unboxed():
        first = Cache(tmp_path / "first", linux, monkeypatch, boxed=False)
        before = first.build(Makefile=SAYS)
        assert before.ok and before.warnings == (WARNING,), Path(before.log).read_text()
        second = moved(first, tmp_path / "second", monkeypatch, boxed=False)
        assert second.worker.holds is None
        after = second.build(Makefile=f"{SAYS}\n")
    assert after.ok and after.warnings == before.warnings and len(second.folders) == 2


@pytest.mark.parametrize("letter", [*"#: $%,='\"\\\n", "\udcff"])
def test_without_a_box_a_path_that_make_takes_apart_is_refused_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letter: str
) -> None:
    place = tmp_path / f"a{letter}b"
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))
    target = inputs.load(str(paths.project("testcases", "exit-on-missing-split")))
    options = Options(out=tmp_path / "out", tree=str(tmp_path / "none"), unboxed=True)
    with pytest.raises(InfraError, match="XDG_CACHE_HOME") as error:
        session.run(target, options, lambda _: None)
    assert repr(str(place / "kseries")) in str(error.value)
    assert list(tmp_path.iterdir()) == []


# --- the layout ---------------------------------------------------------------------------------


def test_a_fixed_path_is_that_of_a_place_and_of_all_below_it_and_of_nothing_beside_it() -> None:
    layout = Layout.of({"source": Path("/c/source"), "build": Path("/c/x86")})
    assert layout.inside(Path("/c/source")) == Path("/kseries/source")
    assert layout.inside(Path("/c/x86/obj/usr")) == Path("/kseries/build/obj/usr")
    for other in ("/c", "/c/source2", "/c/x86.pristine/obj", "/etc"):
        assert layout.inside(Path(other)) == Path(other)
        assert OWN.inside(Path(other)) == Path(other)
