# SPDX-License-Identifier: GPL-2.0-only
"""What a compiler looked for, as files that make and ccache go by."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kseries.kbuild import names
from kseries.kbuild.names import COMPILE, PARSED, Names, hashed, sorted_as
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository

FILES = {"a/x.h": "int x;\n", "b/x.h": "int b;\n", "c.c": '#include "x.h"\n', "Makefile": "", "run.sh": ""}


class Told:
    """The files about a tree, and where they lie."""

    def __init__(self, top: Path) -> None:
        self.repository = Repository(top / "linux")
        self.store = TreeStore(top / "trees.git")
        self.store.add_repository(self.repository.path)
        self.place = top / "names"
        self.names = Names(self.store, self.place)

    def tree(self, **changed: str | None) -> str:
        named = {path.replace("__", "/").replace("_", "."): text for path, text in changed.items()}
        return self.store.tree_of(self.repository.commit("state", {**FILES, **named}))

    def update(self, tree: str) -> set[str]:
        """The files that were written for a tree."""
        before = self._dates()
        self.names.update(tree)
        return {name for name, date in self._dates().items() if before.get(name) != date}

    def _dates(self) -> dict[str, int]:
        found = [path for path in self.place.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.place)): path.stat().st_mtime_ns for path in found}


@pytest.fixture
def told(tmp_path: Path) -> Told:
    made = Told(tmp_path)
    made.update(made.tree())
    return made


def test_each_name_of_a_header_has_a_file_with_its_paths(told: Told) -> None:
    assert (told.place / "h" / "x.h").read_text() == "a/x.h file\nb/x.h file"
    assert [path.name for path in (told.place / "h").iterdir()] == ["x.h"]


def test_what_is_as_it_was_is_not_written_again_and_contents_are_not_told(told: Told) -> None:
    assert told.update(told.tree()) == set()
    assert told.update(told.tree(a__x_h="other\n", c_c="other\n")) == set()


def test_only_what_tells_of_a_name_that_came_or_went_is_written(told: Told) -> None:
    fresh = f"none/{hashed('y.h')}"
    assert told.update(told.tree(d__x_h="\n")) == {"h/x.h", "all"}
    assert told.update(told.tree(d__x_h=None, y_h="\n")) == {"h/x.h", "h/y.h", fresh, "all"}
    assert told.update(told.tree(y_h=None)) == {"h/y.h", fresh, "all"}
    assert (told.place / "h" / "y.h").read_text() == "", "objects depend on it"
    assert told.update(told.tree(d_c="\n")) == {f"any/{sorted_as('d.c')}", "all"}


def test_a_note_or_a_script_that_is_not_as_it_was_written_is_written_again(told: Told) -> None:
    (told.place / COMPILE).write_text("other\n")
    assert told.update(told.tree()) == {COMPILE, PARSED}
    told.place.with_name("names.json").write_text("{")
    (told.place / "h" / "x.h").write_text("cut")
    (told.place / "h" / "stray.h").write_text("stray")
    assert told.update(told.tree()) == {COMPILE, PARSED, "h/x.h", "h/stray.h"}
    assert (told.place / "h" / "stray.h").read_text() == ""


def test_what_was_half_written_is_written_again(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = told.tree(), told.tree(d__x_h="\n", y_h="\n")
    write, written = names._write, list[str]()

    def killed(place: Path, text: bytes, mode: int) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(place.name)
        write(place, text, mode)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(names, "_write", killed)
        told.names.update(after)
    assert written[0] in {path.rpartition("/")[2] for path in told.update(before)}
    assert told.update(before) == set()


@pytest.mark.parametrize(
    ("path", "looked"),
    [
        ("new.sh", True),
        ("scripts/table.tbl", True),
        ("new", True),
        ("new.c", False),
        ("new.h", False),
        ("drivers/new/Makefile", False),
        ("drivers/new/Kconfig.debug", False),
        ("Documentation/new.txt", False),
        ("new.rst", False),
    ],
)
def test_a_script_could_have_looked_for(told: Told, path: str, looked: bool) -> None:
    before = told.names.update(told.tree())
    after = told.names.update(told.store.tree_of(told.repository.commit("more", {path: "\n"})))
    assert (before.all != after.all) == looked
    assert before.tests == after.tests


def test_what_is_below_the_tests_is_looked_for_by_tests_alone(told: Told) -> None:
    before = told.names.update(told.tree())
    tests = {"tools/testing/selftests/x/run.sh": "\n"}
    after = told.names.update(told.store.tree_of(told.repository.commit("more", tests)))
    assert before.all == after.all and before.tests != after.tests


# --- the compiler's dependencies ----------------------------------------------------------------


class Compiler:
    """compile.sh beside files about a small tree, and what it adds to the dependencies."""

    def __init__(self, top: Path) -> None:
        self.top = top
        told = Told(top)
        told.update(told.tree())
        for path, text in FILES.items():
            (top / path).parent.mkdir(exist_ok=True)
            (top / path).write_text(text)
        self.compile = top / "names" / COMPILE

    def run(self, source: str, *words: str, compiler: str = "gcc") -> int:
        (self.top / "s.c").write_text(source)
        env = {"PATH": os.environ["PATH"]}
        argv = [str(self.compile), compiler, "-Ia", "-Ib", *words, "-c", "-o", "s.o", "s.c"]
        return subprocess.run(argv, cwd=self.top, env=env, capture_output=True, check=False).returncode

    def depends(self, file: str = ".s.o.d") -> set[str]:
        words = (self.top / file).read_text().partition("\n\n")[0].replace("\\\n", " ").split()
        return {word.removeprefix(f"{self.top}/") for word in words[1:]}


@pytest.fixture
def compiler(tmp_path: Path) -> Compiler:
    return Compiler(tmp_path)


NOTE = "-Wp,-MMD,.s.o.d"


def test_what_was_read_depends_on_all_of_its_name(compiler: Compiler) -> None:
    assert compiler.run('#include "x.h"\n', NOTE, "-nostdinc") == 0
    assert compiler.depends() == {"s.c", "a/x.h", "names/h/x.h"}


def test_what_was_read_of_the_host_depends_on_who_could_come_before_it(compiler: Compiler) -> None:
    assert compiler.run("#include <elf.h>\n", NOTE) == 0
    assert compiler.depends() >= {"/usr/include/elf.h", f"names/none/{hashed('elf.h')}"}
    assert compiler.run("#define _GNU_SOURCE\n#include <unistd.h>\n#include <sys/stat.h>\n", NOTE) == 0
    asked = f"names/none/{hashed('close_range.h')}"  # bits/unistd_ext.h: __has_include ("linux/close_range.h")
    assert asked in compiler.depends() and "names/all" not in compiler.depends(), "any new file would count"


def test_a_name_that_the_tree_does_not_have_depends_on_those_that_hash_as_it_does(compiler: Compiler) -> None:
    (compiler.top / "a" / "made.h").write_text("\n")
    (compiler.top / "a" / "list.inc").write_text("\n")
    (compiler.top / "a" / "o'dd.h").write_text("\n")
    assert compiler.run('#include "made.h"\n#include "list.inc"\n#include "o\'dd.h"\n', NOTE) == 0
    numbers = {f"names/none/{hashed('made.h')}", f"names/any/{sorted_as('list.inc')}"}
    assert compiler.depends() >= {*numbers, "names/all"}


def test_who_asks_whether_a_header_is_there_depends_on_all_paths(compiler: Compiler) -> None:
    assert compiler.run("#if __has_include(<none.h>)\n#endif\n", NOTE) == 0
    assert "names/all" in compiler.depends()


@pytest.mark.parametrize("with_its_own_assembler", [False, True])
def test_what_the_assembler_reads_is_depended_on(compiler: Compiler, with_its_own_assembler: bool) -> None:
    (compiler.top / "a" / "part.inc").write_text(".byte 1\n")
    (compiler.top / "blob").write_text("blob")
    clang = compiler.top / "clang"
    clang.symlink_to(shutil.which("gcc") or "gcc")
    source = 'asm(".include \\"part.inc\\"\\n");\nasm(".incbin \\"blob\\"\\n");\n'
    assert compiler.run(source, NOTE, "-Wa,-Ia", compiler=str(clang) if with_its_own_assembler else "gcc") == 0
    found = {name.removeprefix("./") for name in compiler.depends()}
    assert found >= {"a/part.inc", "blob", f"names/any/{sorted_as('part.inc')}"}
    assert all((compiler.top / name).exists() for name in found), "make takes for new what is not there"


@pytest.mark.parametrize("words", [("-MD", "-MP"), ("-MMD", "-MF", "s.d"), ("-Wp,-MD,s.d",)])
def test_it_knows_where_dependencies_are_written(compiler: Compiler, words: tuple[str, ...]) -> None:
    assert compiler.run('#include "x.h"\n', *words) == 0
    rule = (compiler.top / "s.d").read_text().replace("\\\n", " ").splitlines()[0]
    assert "/names/h/x.h" in rule and rule.startswith("s.o:")


def test_what_fails_fails_as_without_it_and_nothing_is_left(compiler: Compiler) -> None:
    assert compiler.run("#error no\n", NOTE) == 1
    assert compiler.run("int x;\n") == 0, "and who writes none is left alone"
    assert not [path.name for path in compiler.top.iterdir() if path.suffix in (".as", ".all")]


def test_make_can_still_read_what_was_added(compiler: Compiler) -> None:
    assert compiler.run('#include "x.h"\n', "-MD", "-MP") == 0
    (compiler.top / "Makefile").write_text("all: s.o\ns.o:\n\t@echo made\n-include s.d\n")
    for made in ("", "made"):
        done = subprocess.run(["make"], cwd=compiler.top, capture_output=True, text=True, check=True)
        assert ("made" in done.stdout.splitlines()) == bool(made), done.stdout
        (compiler.top / "names" / "h" / "x.h").touch()


def test_a_tree_that_went_with_its_repository_is_compared_with_no_other(told: Told, tmp_path: Path) -> None:
    """The store has what was made in it, the top folder of a state, and borrowed the rest."""
    added = b"--- /dev/null\n+++ b/y.h\n@@ -0,0 +1 @@\n+int y;\n"
    told.update(told.store.apply(told.tree(), added))
    shutil.rmtree(told.repository.path)
    other = Repository(tmp_path / "other")
    told.store = TreeStore(told.store.path)
    told.store.add_repository(other.path)
    told.names = Names(told.store, told.place)
    assert told.update(told.store.tree_of(other.commit("state", {"d/z.h": ""}))) >= {"h/z.h", "all"}
