# SPDX-License-Identifier: GPL-2.0-only
"""No shortcut changes what comes out: toy kernels by whatever way they were had, against clean builds without ccache.

What is compared is the kernel, byte for byte; or that it does not build, where the clean one does not.
"""

import asyncio
import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kseries.host import files
from kseries.kbuild import Worker, names
from kseries.kbuild.config import Config
from kseries.model import State
from kseries.plan.samebuild import Footprint, Read
from kseries.plan.schedule import Place, Schedule
from kseries.sources import TreeStore
from tests.support import toy
from tests.support.gitrepo import Repository
from tests.support.kbuild import ARCH
from tests.support.toy import FIRST, POOL

FEW, MANY = 4, 400
STEPS = 4


class Proof:
    """A worker, the states that it was asked for, and what came of each: the kernel, or None."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._repository = Repository(place / "linux")
        self._store = TreeStore(place / "trees.git")
        self._store.add_repository(self._repository.path)
        self.worker = Worker(place / "worker", self._store, ARCH, Config(""), 2, probes=())
        self._built: dict[str, Read] = {}
        self._kernels: dict[str, bytes | None] = {}
        self._clean: dict[str, bytes | None] = {}
        self.ways: list[str] = []
        """How each state was had: built, or as another."""
        self.made: list[str] = []
        """The objects that the last build has made."""
        self.headers = False
        """Whether it has made the headers for user space."""
        self.base = self.tree(FIRST)

    @property
    def obj(self) -> Path:
        (place,) = (one for one in (self._place / "worker").glob(f"{ARCH.name}-*") if one.suffix != ".pristine")
        return place / "obj"

    def tree(self, tree: toy.Tree) -> str:
        for entry in self._repository.path.iterdir():
            if entry.name != ".git":
                files.remove(entry)
        toy.written(self._repository.path, tree)
        self._repository.git("add", "--all")
        self._repository.git("commit", "--quiet", "--allow-empty", "-m", "state")
        return self._store.tree_of(self._repository.git("rev-parse", "HEAD"))

    def step(self, tree: str) -> bytes | None:
        """The kernel of a state, had as a run would have it: built where the folder is, or taken for another's."""
        state = State(id=tree, scenario="prefixes", applied=(), tree=tree)
        prints = {one: Footprint.of(self._store.changes(self.base, one)) for one in (tree, *self._built)}
        schedule = Schedule([state], prints, self._built)
        place = Place(self.worker.dependencies)
        _, same = schedule.next(place)
        self.ways.append("as another" if same is not None else "built")
        if same is not None:
            return self._kernels[same.state]
        into = self._place / "into"
        shutil.rmtree(into, ignore_errors=True)
        built = asyncio.run(self.worker.build_alone(tree, into))
        self.made = re.findall("^  CC +(.*)", Path(built.log).read_text(), re.MULTILINE)
        self.headers = "  HEADERS" in Path(built.log).read_text()
        self._kernels[tree] = toy.outcome(self.obj) if built.ok else None
        if built.ok:
            self._built[tree] = partial(self.worker.dependencies.of, tree)
        return self._kernels[tree]

    def clean(self, tree: toy.Tree) -> bytes | None:
        name = self.tree(tree)
        if name not in self._clean:
            for folder in ("source", "obj"):
                shutil.rmtree(self._place / folder, ignore_errors=True)
            source = toy.written(self._place / "source", tree)
            self._clean[name] = toy.clean(source, self._place / "obj")
        return self._clean[name]

    def check(self, *states: toy.Tree) -> list[bytes | None]:
        """Have states one after the other; each is to be what a clean build makes of it."""
        seen: list[bytes | None] = []
        for number, tree in enumerate(states):
            seen.append(self.step(self.tree(tree)))
            differs = {path: text for path, text in tree.items() if text != FIRST.get(path)}
            assert seen[-1] == self.clean(tree), f"state {number}, {self.ways[-1]}: {differs}"
        return seen


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def proof(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Proof:
    """A worker of its own; the guests come out of a ccache that the tests of this module share."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return Proof(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Proof]:
    """One for many: each goes on from where the one before it has left the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        yield Proof(tmp_path_factory.mktemp("shared"))


def test_a_toy_kernel_builds_and_its_shortcuts_are_taken(proof: Proof) -> None:
    rst = "Documentation/x.rst"
    unread = FIRST | {"unread.h": "1\n", rst: "1\n"}
    kernels = proof.check(FIRST, FIRST | {"unread.c": "2\n"}, unread, unread | {"unread.h": "2\n", rst: None})
    assert kernels[0] is not None and len(set(kernels)) == 1
    assert proof.ways == ["built", "as another", "built", "as another"]


OF_HOST = "#include <elf.h>\n#ifdef MORE\nint more;\n#endif\n"
SHADOWS: dict[str, tuple[dict[str, str | None], ...]] = {
    "-I in their order": ({"near/one.h": "#define ONE 5\n"},),
    "the includer's own folder": ({"two.h": "#define TWO 2\n"},),
    "include_next": ({"near/one.h": "#include_next <one.h>\n"}, {"near/one.h": "#error broken\n"}),
    "has_include": ({"near/maybe.h": "#define MAYBE 1\n"},),
    "a header that is made": ({"near/made.h": "#define MADE 77\n"},),
    "a header of the host": (
        {"auto/host.c": OF_HOST},
        {"auto/host.c": OF_HOST, "near/elf.h": "#define MORE\n"},
    ),
    "a header in a folder": ({"Kconfig": "CONFIG_MORE=y\n"}, {"Kconfig": "CONFIG_MORE=y\n", "near/sub/three.h": "\n"}),
    "a folder that is a link": (
        {"Kconfig": "CONFIG_MORE=y\n"},
        {"Kconfig": "CONFIG_MORE=y\n", "near/sub": "-> ../other"},
    ),
    "a link that leads elsewhere": ({"near/one.h": "-> ../far/one.h"}, {"near/one.h": "-> ../far/two.h"}),
    "a file that turns into a link": ({"near/one.h": "#define ONE 5\n"}, {"near/one.h": "-> ../far/one.h"}),
    "what the assembler includes": ({"far/part.inc": "\t.byte 5\n"}, {"near/part.inc": "\t.byte 3\n"}),
    "what the assembler takes as it is": ({"far/blob": "hijk"}, {"near/blob": "abc"}),
    "a file that a script looks for": ({"extra": "x\n"},),
    "a wildcard": ({"auto/x.c": toy.AUTO.format("x", 1)}, {"auto/y.c": toy.AUTO.format("y", 1)}),
}


@pytest.mark.parametrize("kind", SHADOWS)
def test_what_comes_before_what_was_found_is_found(shared: Proof, kind: str) -> None:
    """Where a folder is that has built the other, and in one that was emptied, where ccache answers."""
    states = [FIRST | changed for changed in ({}, *SHADOWS[kind])]
    seen = shared.check(*states)
    shared.worker.clean()
    seen += shared.check(states[-1])
    assert seen[-2] == seen[-1] and len(set(seen)) > 1, "the state that differs is seen to"


NOTES: dict[str, str | None] = {"main.c": toy.MAIN + '#include "notes.rst"\n', "notes.rst": "int notes = 1;\n"}
LOOKS: dict[str, str | None] = {"main.c": toy.MAIN + '#if __has_include("notes.rst")\nint notes;\n#endif\n'}
UNSEEN: dict[str, tuple[dict[str, str | None], ...]] = {
    "through a link to a file": ({"near/one.h": "-> ../far/one.h"}, {"far/one.h": "#define ONE 2\n"}),
    "through a link to a folder": (
        {"Kconfig": "CONFIG_MORE=y\n", "near/sub": "-> ../other"},
        {"other/three.h": "int three = 10;\n"},
    ),
    "up from behind a link": (
        {
            "main.c": toy.MAIN.replace("one.h", "sub/../up.h"),
            "near/sub": "-> ../other/deep",
            "other/deep/x": "\n",
            "other/up.h": "#define ONE 1\n",
        },
        {"other/up.h": "#define ONE 2\n"},
    ),
    "a folder's link with a header's name": (
        {
            "main.c": toy.MAIN.replace("one.h", "sub.h/one.h"),
            "near/sub.h": "-> ../far",
            "other/one.h": "#define ONE 3\n",
        },
        {"near/sub.h": "-> ../other"},
    ),
    "what Kconfig looks for": (
        {"Kconfig": "CONFIG_MORE=$(success,test -e $(srctree)/unread.h)\n"},
        {"unread.h": "1\n"},
    ),
    "what Kconfig reads": (
        {"Kconfig": "CONFIG_MORE=$(success,grep -q 2 $(srctree)/unread.c)\n"},
        {"unread.c": "2\n"},
    ),
    "a Makefile of another architecture that is included": (
        {"Kbuild": "obj-y := main.o\ninclude $(src)/arch/other/Makefile\n"},
        {"arch/other/Makefile": "cflags-main.o := -DFLAG=5\n"},
    ),
    "one that is included under a name that is made up": (
        {"Kbuild": "obj-y := main.o\nother = oth\n-include $(src)/arch/$(other)er/../$(other)er/Makefile\n"},
        {"arch/other/Makefile": "cflags-main.o := -DFLAG=5\n"},
    ),
    "one that another make includes": (
        {
            "Kbuild": "obj-y := main.o\ncflags-main.o := $(shell $(MAKE) -s -C $(src)/arch -f sub.mk all)\n",
            "arch/sub.mk": "include other/Makefile\nall: ; @echo $(cflags-main.o)\n",
        },
        {"arch/other/Makefile": "cflags-main.o := -DFLAG=5\n"},
    ),
    "one in a folder with an odd letter": (
        {
            "Kbuild": "obj-y := main.o\ninclude $(src)/arch/o,t/Makefile\n",
            "arch/o,t/Makefile": "cflags-main.o := -DFLAG=4\n",
        },
        {"arch/o,t/Makefile": "cflags-main.o := -DFLAG=5\n"},
    ),
    "one that is included from behind a link": (
        {
            "Kbuild": "obj-y := main.o\ninclude $(src)/near/sub/../Makefile\n",
            "near/sub": "-> ../arch/other/deep",
            "arch/other/deep/x": "\n",
        },
        {"arch/other/Makefile": "cflags-main.o := -DFLAG=5\n"},
    ),
    "a Makefile that the assembler takes as it is": (
        {"low.S": '\t.data\n\t.incbin "arch/other/Makefile"\n'},
        {"arch/other/Makefile": "cflags-main.o := -DFLAG=5\n"},
    ),
    "documentation that is compiled": (NOTES, {"notes.rst": "int notes = 2;\n"}),
    "documentation that is looked for": (LOOKS, {"notes.rst": "\n"}),
}


@pytest.mark.parametrize("kind", UNSEEN)
def test_what_is_read_under_another_name_or_is_no_source_is_read(shared: Proof, kind: str) -> None:
    first, then = UNSEEN[kind]
    seen = shared.check(FIRST | first, FIRST | first | then)
    assert None not in seen and len(set(seen)) == 2, "the state that differs is seen to"


def test_a_header_whose_last_reader_was_made_again_without_it_is_read_in_another_state(proof: Proof) -> None:
    drops, broken = {"main.c": POOL["main.c"][1]}, {"far/two.h": "#error broken\n"}
    seen = proof.check(FIRST, FIRST | drops, FIRST | drops | broken, FIRST | broken)
    assert seen[-1] is None and proof.ways[-2:] == ["as another", "built"]


def test_objects_that_nothing_new_could_be_found_by_are_not_made_again(proof: Proof) -> None:
    first = FIRST | {"main.c": "#include <one.h>\nint one = ONE;\n"}
    proof.check(first, first | {"unread.h": "1\n", "other/fresh.h": "1\n", "auto/x.c": toy.AUTO.format("x", 1)})
    assert proof.made == ["auto/x.o"]


OTHER: dict[str, str | None] = {
    "arch/other/Makefile": POOL["arch/other/Makefile"][1],
    "arch/other/Kconfig": POOL["arch/other/Kconfig"][1],
}


def test_what_only_another_architecture_parses_is_not_built(proof: Proof) -> None:
    proof.check(FIRST, FIRST | OTHER, FIRST | {"Kconfig": "CONFIG_MORE=y\n"})
    assert proof.ways == ["built", "as another", "built"]


def test_a_build_that_does_not_tell_what_it_has_parsed_counts_as_having_parsed_all(proof: Proof) -> None:
    mute = FIRST | {"Kbuild": "obj-y := main.o low.o\nMAKEFILE_LIST :=\n"}
    proof.check(mute, mute | OTHER)
    assert proof.ways == ["built", "built"]


def test_nor_does_what_an_earlier_build_in_its_folder_has_told_speak_for_it(proof: Proof) -> None:
    mute = FIRST | {"Kbuild": "obj-y := main.o low.o\ninclude $(src)/arch/other/Makefile\nMAKEFILE_LIST :=\n"}
    proof.check(FIRST, mute, mute | OTHER)
    assert proof.ways == ["built"] * 3


def test_what_a_failed_build_has_parsed_is_read_in_the_next_and_of_no_other(proof: Proof) -> None:
    more = FIRST | {"Kbuild": "obj-y := main.o low.o\ninclude $(src)/arch/other/Makefile\n"}
    seen = proof.check(FIRST, more | {"main.c": "#error broken\n"}, more, more | OTHER, FIRST | OTHER)
    assert seen[1] is None and proof.ways == ["built"] * 4 + ["as another"]


def test_a_tree_may_have_a_folder_that_is_called_makefiles(proof: Proof) -> None:
    folders = {"Kbuild": "obj-y := main.o low.o\n$(shell mkdir -p $(O)/makefiles $(O)/makefiles.never)\n"}
    assert proof.check(FIRST, FIRST | folders)[1] is not None


@pytest.mark.parametrize("changed", ["uapi/toy.h", "uapi/more.h", "uapi/Kbuild", "strip.c", "Kconfig", "made.tbl"])
def test_headers_are_made_where_what_was_read_for_them_differs(shared: Proof, changed: str) -> None:
    ours = FIRST | {"main.c": f"{toy.MAIN}/* {changed} */\n"}  # no other test has built it
    shared.check(ours, ours | {changed: POOL[changed][1]})
    assert shared.ways[-2:] == ["built", "built"] and shared.headers


def test_headers_are_not_made_where_only_the_kernel_or_nobody_has_read_what_differs(proof: Proof) -> None:
    main = {"main.c": POOL["main.c"][1]}
    proof.check(FIRST)
    assert proof.headers
    proof.check(FIRST | main)
    assert not proof.headers and proof.made == ["main.o"]
    proof.check(FIRST | {"far/one.h": "#define ONE 2\n"} | OTHER)
    assert proof.ways[-1] == "built" and not proof.headers


def test_headers_are_made_in_a_folder_that_was_emptied_and_after_a_build_of_them_that_failed(proof: Proof) -> None:
    other = {"main.c": POOL["main.c"][1]}
    proof.check(FIRST)
    proof.worker.clean()
    proof.check(FIRST | other)
    assert proof.headers
    broken = {"strip.c": "#error broken\n"}
    assert proof.check(FIRST | broken, FIRST | {"main.c": POOL["main.c"][2]})[0] is None
    assert proof.headers


def test_a_flag_alone_makes_its_object_again(proof: Proof) -> None:
    seen = proof.check(FIRST, FIRST | {"Kbuild": "obj-y := main.o low.o\ncflags-main.o := -DFLAG=3\n"})
    assert None not in seen and len(set(seen)) == 2
    assert proof.made == ["main.o"]


def test_with_another_compile_script_all_objects_are_made_again_and_none_is_found(
    proof: Proof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it adds to the dependencies may be more: of what was made with the other one, nobody knows."""
    tree = proof.tree(FIRST)
    asyncio.run(proof.worker.build_alone(tree, tmp_path / "first"))
    other = tmp_path / "compile.sh"
    other.write_bytes(names._SCRIPT.read_bytes() + b"# another\n")
    monkeypatch.setattr(names, "_SCRIPT", other)
    built = asyncio.run(proof.worker.build_alone(tree, tmp_path / "second"))
    assert built.ok and built.compiled > 0 and built.found == 0
    made = re.findall("^  CC +(.*)", Path(built.log).read_text(), re.MULTILINE)
    assert sorted(made) == ["low.o", "main.o"]


CHANGES = st.dictionaries(st.sampled_from(sorted(POOL)), st.integers(0, 5), min_size=1, max_size=4)


@st.composite
def sequences(draw: st.DrawFn) -> list[toy.Tree]:
    """States of which each differs in a few files from the one before, or from the first."""
    states: list[toy.Tree] = [FIRST]
    for changed in draw(st.lists(CHANGES, min_size=STEPS, max_size=STEPS)):
        before = draw(st.sampled_from(states))
        states.append({**before, **{path: POOL[path][which % len(POOL[path])] for path, which in changed.items()}})
    return states[1:]


def prove(examples: int, place: Path) -> None:
    """Sequences of states, all in one worker: each begins where the one before it ended."""
    proof = Proof(place)

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(sequences(), st.sampled_from([False, False, True]))
    def whatever_comes(states: list[toy.Tree], emptied: bool) -> None:
        if emptied:
            proof.worker.clean()
        proof.check(*states)

    whatever_comes()
    assert set(proof.ways) == {"built", "as another"}


def test_whatever_comes_each_state_is_what_a_clean_build_makes_of_it(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    prove(FEW, tmp_path)


@pytest.mark.full("identical")
@pytest.mark.timeout(3600)
def test_of_many_more_sequences_the_same_is_true(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    prove(MANY, tmp_path)
