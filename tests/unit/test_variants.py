# SPDX-License-Identifier: GPL-2.0-only
"""Variants: how they are asked for, and what several in one run find that one alone does not. The kernel is the tiny
one.
"""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from kseries.app import rundir
from kseries.cli import main
from kseries.inputs import variants
from kseries.inputs.variants import Asked
from kseries.kbuild.config import Start
from kseries.model import FindingKind, Outcome, RunResult
from kseries.model.errors import InputError
from tests.support import tiny
from tests.support.gitrepo import Repository


@pytest.mark.parametrize(
    ("word", "name", "asked"),
    [
        ("a=", "a", Asked()),
        ("a=arch:arm64", "a", Asked(arch="arm64")),
        ("w1=make:LLVM=1,make:W=1,boot:no", "w1", Asked(make=("LLVM=1", "W=1"), boot=False)),
        ("c=config:x.config,config:auto,boot:yes", "c", Asked(config=("x.config", "auto"))),
        ("d=config:defconfig,config:auto", "d", Asked(config=("defconfig", "auto"))),
        ("clang", "clang", Asked(make=("LLVM=1", "W=1"), boot=False)),
        ("default", "default", Asked()),
    ],
)
def test_a_word_says_what_a_variant_adds(word: str, name: str, asked: Asked) -> None:
    assert variants.parse(word) == (name, asked)


def test_what_stands_in_the_place_of_a_fragment_is_no_path() -> None:
    assert tuple(one.value for one in Start if one is not Start.TINY) == variants.STARTS
    asked = variants.placed(Asked(config=("a", *variants.WORDS)), Path("/case"))
    assert asked.config == ("/case/a", *variants.WORDS)


def test_a_debug_kernel_is_one_of_ours() -> None:
    (fragment,) = variants.ours()["debug"].config
    assert Path(fragment).name == "debug.config" and Path(fragment).is_file()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("nowhere", "--variant nowhere: none of ours\n  there are: default, clang, debug"),
        ("a=b", "expected one of arch:VALUE, config:VALUE, make:VALUE, boot:VALUE"),
        ("a=make:", "make:: expected one of"),
        ("a=boot:never", "boot:never: expected yes or no"),
        ("a=boot:no,boot:yes", "boot stands twice"),
        ("a=arch:x86_64,arch:arm64", "arch stands twice"),
        ("../a=boot:no", "a name is of letters"),
        ("=boot:no", "a name is of letters"),
        ("a/b=", "a name is of letters"),
        (
            "report.html=boot:no",
            "--variant report.html: a run writes something of that name to --out\n  give it another",
        ),
        ("states=", "--variant states: a run writes"),
        ("result.json=", "--variant result.json: a run writes"),
    ],
)
def test_what_is_no_variant_is_told(word: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        variants.parse(word)
    assert said in str(error.value) and len(str(error.value).splitlines()) <= 2


def test_a_command_line_replaces_what_a_target_asks_for_and_no_name_stands_twice() -> None:
    of_target = (("a", Asked()), ("b", Asked(boot=False)))
    assert variants.each((), of_target) == dict(of_target)
    assert list(variants.each(["c=boot:no"], of_target)) == ["c"]
    with pytest.raises(InputError, match="two of that name"):
        variants.each(["c=boot:no", "c="], ())


# --- in one run -----------------------------------------------------------------------------------

WARNS = "\t@[ -z '$(W)' ] || echo 'main.c:3:5: warning: unused [-Wunused]'\n"
NEEDS_X = "\t@grep -q CONFIG_X=y $(O)/.config || { echo 'main.c:1:1: error: no'; false; }\n"
RULE = "$(O)/main.o: main.S\n\t@echo '  CC      main.o'\n"
SERIES = {
    1: tiny.MAKEFILE.replace(RULE, RULE + WARNS),
    2: tiny.MAKEFILE.replace(RULE, RULE + NEEDS_X),
    3: tiny.MAKEFILE,
}
"""By the patch: the first brings a warning that stays for a while, the second a hole that the third mends."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    repository = Repository(tmp_path / "linux")
    repository.commit("base", tiny.kernel("base"))
    repository.git("tag", "base")
    for number, makefile in SERIES.items():
        repository.commit(f"patch {number}", {**tiny.kernel(str(number)), "Makefile": makefile})
    (tmp_path / "x.config").write_text("CONFIG_X=y\n")
    return tmp_path


def run(*words: str) -> int:
    ours = ("run", "base..HEAD", "--tree", "linux", "--scenario", "prefixes", "--probe", "capabilities", "--out", "out")
    return main([*ours, *words])


def result(name: str) -> RunResult:
    return rundir.read(Path("out") / name)[0]


def kinds(name: str) -> set[tuple[FindingKind, int | None]]:
    return {(one.kind, one.patch) for one in result(name).findings}


def test_several_in_one_run_find_what_one_alone_does_not(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--variant", "has=config:x.config", "--variant", "warns=config:x.config,make:W=1,boot:no")
    assert run(*asked, "--variant", "lacks=boot:no") == 1
    assert kinds("has") == set()
    assert kinds("warns") == {(FindingKind.NEW_WARNING, 1)}
    assert kinds("lacks") == {(FindingKind.BISECT_HOLE, 2)}
    out = capsys.readouterr().out.splitlines()
    (head,) = [at for at, one in enumerate(out) if one.split() == ["has", "warns", "lacks"]]
    assert [one.split()[0] for one in out[head + 1 : head + 4]] == ["1/3", "2/3", "3/3"]
    assert "NEW-WARNING" in out[head + 1] and "BISECT-HOLE" in out[head + 2]


def test_what_is_only_built_is_judged_by_its_build_and_called_so_everywhere(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--variant", "built=config:x.config,boot:no") == 0
    found = result("built")
    assert {state.outcome for state in found.states} == {Outcome.NOT_BOOTED}
    assert all(not state.checks and state.ending is None and "boot" not in state.seconds for state in found.states)
    assert found.verdict.bisectable is None and found.variant.label == "built"
    out = capsys.readouterr().out
    assert "its kernels were built, and none was booted" in out and "built" in out
    page = (place / "out" / "built" / "report.html").read_text()
    assert "its kernels were built, and none was booted" in page and "built, not booted" in page
    cases = ElementTree.parse(place / "out" / "built" / "junit.xml").getroot().iter("testcase")
    stages = {(case.get("name"), "skipped" if case.find("skipped") is not None else "passed") for case in cases}
    assert ("build", "passed") in stages and ("boot", "skipped") in stages and ("boot", "passed") not in stages
    assert not any(name == "error" for name, _ in stages)


def test_each_is_known_again_by_the_plain_words_of_its_own(place: Path) -> None:
    assert run("--variant", "lacks=boot:no,make:W=1") == 1
    words = result("lacks").words
    assert "--build-only" in words and words[words.index("--make") + 1] == "W=1" and "--variant" not in words
    assert "--probe" not in words, "nothing is asked of what is not booted"
    assert main(["try", "prefix-1", *words, "--build"]) == 0
    assert main(["try", "prefix-2", *words, "--build"]) == 1
    assert main(["try", "prefix-1", *words]) == main(["try", "prefix-1", *words, "--boot"]) == 128


def test_what_was_built_alone_is_not_taken_for_what_was_booted(place: Path) -> None:
    assert run("--config", "x.config", "--variant", "built=boot:no") == 0
    assert run("--config", "x.config") == 0
    assert main(["compare", "out/built", "out"]) == main(["compare", "out", "out/built"]) == 0
    assert {state.outcome for state in result("").states} == {Outcome.OK}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--variant", "a=arch:riscv64"), "unknown architecture: riscv64"),
        (("--variant", "a=config:nowhere"), "cannot read the config fragment nowhere"),
        (("--variant", "a=make:install"), "--make install: expected NAME=VALUE"),
        (("--variant", "a=", "--arch", "x86_64,arm64"), "of a variant it is said as arch:"),
    ],
)
def test_a_variant_that_cannot_be_had_ends_it_before_anything_is_built(
    place: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--variant", "well=boot:no", *words) == 2
    assert said in capsys.readouterr().err and not (place / "out").exists()


def test_a_configuration_begins_with_the_defconfig_of_base_or_with_nothing(place: Path) -> None:
    repository = Repository(place / "linux")
    makefile = tiny.MAKEFILE + "alldefconfig: allnoconfig\n\techo CONFIG_BY_DEFAULT=y >>$(O)/.config\n"
    defconfig = {"arch/x86/configs/x86_64_defconfig": "CONFIG_D=y\n", "Makefile": makefile}
    repository.commit("with a defconfig", {**tiny.kernel("with"), **defconfig})
    repository.git("tag", "--force", "base")
    repository.commit("patch", {**tiny.kernel("on it"), "Makefile": makefile})
    begins = ("--arch", "x86_64", "--variant", "d=config:defconfig", "--variant", "n=config:allnoconfig,boot:no")
    assert run(*begins) == 0
    with_default, with_none = result("d").variant.config, result("n").variant.config
    assert with_default is not None and with_default.startswith("CONFIG_D=y\n") and "CONFIG_KVM=y" in with_default
    assert with_none == ""
    assert "--config" in result("d").words and "defconfig" in result("d").words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--build-only",), "--build-only --probe: no kernel is booted that could be asked\n  drop one of them"),
        (("--config", "allnoconfig"), "such a kernel has nothing that could be asked\n  add --build-only"),
        (("--config", "defconfig"), "base has no arch/"),
        (("--config", "defconfig", "--config", "allnoconfig"), "a configuration begins with one of them"),
    ],
)
def test_a_start_that_cannot_be_had_is_told(
    place: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    assert said in capsys.readouterr().err


def test_what_is_asked_of_kernels_is_asked_of_those_that_are_booted(place: Path) -> None:
    (place / "p.c").write_text("int main(void) { return 0; }\n")
    asked = ("--probe", "./p.c", "--timeout", "p=60", "--repeat", "2", "--variant", "built=boot:no")
    assert run("--config", "x.config", *asked) == 0
    assert {state.outcome for state in result("built").states} == {Outcome.NOT_BOOTED}


def test_a_file_that_is_called_as_a_word_is_named_with_its_folder(place: Path) -> None:
    (place / "auto").write_text("CONFIG_X=y\n")
    assert run("--variant", "file=config:./auto,boot:no") == 0
    assert "CONFIG_X=y" in (result("file").variant.config or "")


def test_a_test_case_has_variants_whose_paths_are_seen_from_it(place: Path) -> None:
    case = place / "case"
    (case / "patches").mkdir(parents=True)
    Repository(place / "linux").git("format-patch", "--quiet", "-o", str(case / "patches"), "base..HEAD")
    (case / "x.config").write_text("CONFIG_X=y\n")
    tables = '[variant.has]\nconfig = ["x.config"]\nboot = false\n\n[variant.lacks]\nboot = false\n'
    head = f'title = "a"\ntree = "{place}/linux"\nexpect = {{bisectable = false, revert_safe = false, findings = []}}\n'
    (case / "testcase.toml").write_text(head + tables)
    asked = ("--scenario", "prefixes", "--base", "base", "--probe", "capabilities", "--out", "out")
    assert main(["run", "case", *asked]) == 1
    assert kinds("has") == set() and kinds("lacks") == {(FindingKind.BISECT_HOLE, 2)}
    (case / "testcase.toml").write_text(head + '[variant.out]\nconfig = ["../x.config"]\n')
    assert main(["run", "case", *asked]) == 2
