# SPDX-License-Identifier: GPL-2.0-only
"""What a user brings beside a series: programs, contracts, and the names of the kernel's own tests."""

import errno
import os
import struct
import subprocess
from pathlib import Path

import pytest

from kseries import arch, inputs
from kseries.app import setup
from kseries.app.options import Options
from kseries.evaluate.setup import Setup
from kseries.inputs import contracts
from kseries.kbuild.config import Config
from kseries.model import Accel, Contract, Probe
from kseries.model.errors import InputError
from kseries.probes import programs, selftests
from kseries.sources import TreeStore
from tests.support.brought import CASE, PATCH, write
from tests.support.gitrepo import Repository

X86 = arch.get("x86_64")


def elf(kind: int) -> bytes:
    """An ELF-64 file with one program header."""
    header = b"\x7fELF\x02\x01\x01".ljust(32, b"\0") + struct.pack("<QQIHHH", 64, 0, 0, 64, 56, 1)
    return header.ljust(64, b"\0") + struct.pack("<I", kind).ljust(56, b"\0")


# --- programs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "file"), [("capabilities", False), ("repro.c", True), ("./repro", True), ("/tmp/x.y", True)]
)
def test_a_word_of_probe_is_a_file_if_it_looks_like_one(word: str, file: bool) -> None:
    assert programs.is_file(word) is file


def test_a_program_is_called_as_its_file_and_known_by_all_it_is_made_of(tmp_path: Path) -> None:
    source = write(tmp_path / "repro.c", "int main(void) { return 0; }")
    (first,) = programs.read([source], ())
    write(tmp_path / "repro.h", "#define X 1")
    (second,) = programs.read([source], ())
    write(tmp_path / "unrelated.txt", "x")
    assert first.name == "repro" and first.digest != second.digest
    assert programs.read([source, source], ()) == (second,)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("capabilities.c", "", "already"),
        ("a b.c", "", "is called by"),
        ("script", "#!/bin/sh\n", "neither C source nor a program"),
        ("dynamic", elf(3), "-static"),
        ("cut", elf(1)[:60], "cut short"),
    ],
)
def test_what_cannot_be_a_probe_is_the_users_mistake_and_named(
    name: str, data: str | bytes, said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        programs.read([write(tmp_path / name, data)], setup.known_probes())
    with pytest.raises(InputError, match="cannot read"):
        programs.read([tmp_path / "none.c"], ())


def test_what_is_staged_is_what_was_asked_for_and_keeps_its_date(tmp_path: Path) -> None:
    source, binary = write(tmp_path / "in/a.c", "one"), write(tmp_path / "in/b.x", elf(1))
    write(tmp_path / "in/a.h", "two")
    into = tmp_path / "staged"
    placed = programs.stage(programs.read([source, binary], ()), into)
    assert [str(place.relative_to(into)) for place in placed] == ["a/a.c", "b.x/b.x.elf"]
    when = placed[0].stat().st_mtime_ns
    (tmp_path / "in/a.h").unlink()
    (again,) = programs.stage(programs.read([source], ()), into)
    assert again.stat().st_mtime_ns == when
    assert sorted(str(place.relative_to(into)) for place in into.rglob("*")) == ["a", "a/a.c"]


def test_a_result_depends_on_the_programs_that_it_is_of(tmp_path: Path) -> None:
    def key(text: str) -> str:
        found = programs.read([write(tmp_path / "a.c", text)], ())
        return Setup(X86, Accel(name="tcg", why=""), "", Config(""), (Probe.program("a"),), "", 1, found).key("tree")

    assert key("one") == key("one") != key("two")


# --- what is kept of them -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "digest"), [("p", "../mine"), ("p", "{top}/mine"), ("p", ""), ("p", "."), ("../../mine/p", "0" * 64)]
)
def test_a_name_that_leads_elsewhere_removes_and_reads_nothing_there(tmp_path: Path, name: str, digest: str) -> None:
    mine, home = write(tmp_path / "mine/p.c", ""), tmp_path / "programs"
    write(home / "another/p.c", "")
    with pytest.raises(InputError, match="no program is kept as "):
        programs.kept(home, name, digest.format(top=tmp_path))
    assert mine.exists()
    assert (home / "another/p.c").exists()


def test_what_changes_while_it_is_kept_is_told_and_not_kept(tmp_path: Path) -> None:
    source, home = write(tmp_path / "in/a.c", "one"), tmp_path / "programs"
    (program,) = programs.read([source], ())
    source.write_text("two")
    with pytest.raises(InputError, match="is not as it was"):
        programs.keep(program, home)
    assert list(home.iterdir()) == []


def test_a_program_of_which_there_is_no_room_leaves_nothing_half_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(made: Path, path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (program,) = programs.read([write(tmp_path / "in/a.c", "one")], ())
    monkeypatch.setattr("kseries.host.files.place", full)
    with pytest.raises(OSError, match="No space left"):
        programs.keep(program, tmp_path / "programs")
    assert list((tmp_path / "programs").iterdir()) == []


# --- contracts ----------------------------------------------------------------------------------

CONTRACT = 'id = "x"\ntitle = "t"\nwhen = "X"\nchecks = ["repro.exit_status"]\n'


def test_a_file_holds_one_contract_or_a_list_of_them(tmp_path: Path) -> None:
    one = write(tmp_path / "one.toml", CONTRACT)
    whole = "".join(f"[[contract]]\n{CONTRACT}".replace('"x"', f'"{name}"') for name in "ab")
    two = write(tmp_path / "two.toml", whole)
    assert [contract.id for contract in contracts.read([one, two])] == ["x", "a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id = ", "cannot read"),
        (CONTRACT + "cheks = []\n", "cheks"),
        ('id = "x"\n', "title"),
        ("contract = [1]\n", "no table"),
        (CONTRACT.replace('["repro.exit_status"]', "3"), "Expected"),
    ],
)
def test_a_contract_that_cannot_be_read_is_the_users_mistake(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        contracts.read([write(tmp_path / "c.toml", text)])


def test_a_contract_about_a_probe_that_is_not_there_is_told_before_anything_is_built() -> None:
    contract = Contract(id="x", title="t", when="X", checks=("repor.exit_status",))
    with pytest.raises(InputError, match=r"repor\.exit_status is of no probe"):
        contracts.check([contract], frozenset({"repro"}))
    with pytest.raises(InputError, match="two contracts"):
        contracts.check([contract, contract], frozenset({"repor"}))


def test_a_contract_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        contracts.read([tmp_path / "c.toml"])
    assert str(error.value) == f"cannot read the contract {tmp_path / 'c.toml'}: No such file or directory"


@pytest.mark.timeout(60)
def test_what_is_no_regular_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    for name in ("a.c", "b", "c.toml", "beside/a.h"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        os.mkfifo(tmp_path / name)
    (tmp_path / "endless.toml").symlink_to("/dev/zero")
    for source in (tmp_path / "a.c", tmp_path / "b", write(tmp_path / "beside/a.c", "")):
        with pytest.raises(InputError, match="is not a regular file"):
            programs.read([source], ())
    for name in ("c.toml", "endless.toml"):
        with pytest.raises(InputError, match=f"{name} is not a regular file"):
            contracts.read([tmp_path / name])
    with pytest.raises(InputError, match=r"long\.toml has more than 1 MiB"):
        contracts.read([write(tmp_path / "long.toml", "#" * (1 << 20) + "\n")])


# --- what lies beside a series ------------------------------------------------------------------


def test_a_directory_brings_its_probes_and_its_contracts(tmp_path: Path) -> None:
    write(tmp_path / "0001-a.patch", PATCH)
    names = ["contracts.toml", "contracts/a.toml", "contracts/b.toml", "probes/p.c"]
    files = [write(tmp_path / name, "") for name in names]
    found = inputs.load(str(tmp_path))
    assert (found.contracts, found.programs) == (tuple(files[:3]), tuple(files[3:]))
    options = Options(out=tmp_path, programs=(tmp_path / "own.c",)).of(found)
    assert options.programs == (tmp_path / "own.c", files[3]) and options.probes is None
    assert options.of(found) == options


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("probes/keys.h", "secret"),
        ("probes/q.c", "secret"),
        ("probes/q.c", "case/elsewhere/q.c"),  # which has a header that leads out
        ("contracts.toml", "secret"),
        ("contracts/a.toml", "secret"),
        ("patches/0002-b.patch", "secret"),
        ("testcase.toml", "secret"),
        ("series", "secret"),
        ("folder", "."),
    ],
)
def test_a_directory_brings_nothing_that_does_not_lie_in_it(name: str, at: str, tmp_path: Path) -> None:
    top = tmp_path / "case"
    secret = write(tmp_path / "secret", PATCH)
    for brought in ("patches/0001-a.patch", "probes/p.c", "elsewhere/q.c"):
        write(top / brought, PATCH)
    write(top / "testcase.toml", CASE)
    (top / "elsewhere/keys.h").symlink_to(secret)
    (top / "probes/own.h").symlink_to("p.c")
    (tmp_path / "link").symlink_to(top)
    assert len(inputs.load(str(tmp_path / "link")).programs) == 1
    (top / name).unlink(missing_ok=True)
    (top / name).parent.mkdir(exist_ok=True)
    (top / name).symlink_to(tmp_path / at)
    if name == "folder":
        write(top / "series", "folder/secret\n")
        (top / "testcase.toml").unlink()
    with pytest.raises(InputError, match=r"(keys\.h|folder/secret|" + name + ") is a link that leads out of"):
        inputs.load(str(top))


def test_a_mail_of_a_maildir_lies_in_it(tmp_path: Path) -> None:
    write(tmp_path / "apart/secret", PATCH)
    (tmp_path / "m/cur").mkdir(parents=True)
    (tmp_path / "m/new").symlink_to(tmp_path / "apart")
    with pytest.raises(InputError, match="new/secret is a link that leads out of"):
        inputs.load(str(tmp_path / "m"))


def test_a_link_to_itself_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.c").symlink_to("a.c")
    with pytest.raises(InputError, match="cannot read the probe"):
        programs.read([tmp_path / "a.c"], ())


def test_a_test_case_says_which_of_our_probes_it_is_about(tmp_path: Path) -> None:
    write(tmp_path / "patches/0001-a.patch", PATCH)
    write(tmp_path / "testcase.toml", CASE)
    found = inputs.load(str(tmp_path))
    assert Options(out=tmp_path).of(found).probes == ()
    assert Options(out=tmp_path, probes=("capabilities",)).of(found).probes == ("capabilities",)
    assert setup.chosen((), quick=False) == ()


# --- the kernel's own tests ---------------------------------------------------------------------


def test_a_target_is_said_once_for_the_tests_after_it() -> None:
    found = selftests.parse(["kvm:cpuid_test", "x86_64/state_test", "net/lib:csum", "kvm:cpuid_test"])
    assert [test.name for test in found] == ["kvm.cpuid_test", "kvm.state_test", "net.lib.csum"]


def test_a_name_that_init_could_not_mark_with_is_the_users_mistake() -> None:
    selftests.parse([f"kvm:{'a' * 124}"])
    with pytest.raises(InputError, match="at most 128 characters"):
        selftests.parse([f"kvm:{'a' * 125}"])


def test_two_tests_of_one_name_are_not_taken_for_one(tmp_path: Path) -> None:
    """Nor is one that a probe of somebody's own is called like."""
    for words in (("kvm:old", "kvm:x86_64/old"), ("kvm:old",)):
        program = (write(tmp_path / "kvm.old.c", ""),) if len(words) == 1 else ()
        with pytest.raises(InputError, match=r"two probes are called kvm\.old"):
            setup.setup_of(Options(out=tmp_path, selftests=words, programs=program))


@pytest.mark.parametrize("word", ["cpuid_test", "kvm:", ":x", "kvm:../x", "kvm:-x", "n=", "n=x", "n='' -k"])
def test_a_word_that_names_no_test_is_the_users_mistake(word: str) -> None:
    with pytest.raises(InputError, match="TARGET:TEST"):
        selftests.parse([word])


def test_a_test_that_neither_base_nor_the_series_has_is_told_before_anything_is_built(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repo")
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    place = "tools/testing/selftests/kvm"
    repository.commit("base", {f"{place}/x86_64/old.c": ""})
    base = repository.tree()
    repository.commit("tip", {f"{place}/new.c": ""})
    there = selftests.tests(selftests.parse(["kvm:old", "new", "x86_64/old"]))
    selftests.check(there, X86, store, base, repository.tree())
    with pytest.raises(InputError, match=f"neither base nor the series has {place}/none.c"):
        selftests.check(selftests.tests(selftests.parse(["kvm:none"])), X86, store, base, repository.tree())


def test_tests_are_built_where_they_are_found_and_from_nothing(tmp_path: Path) -> None:
    tree = tmp_path / "source/tools/testing/selftests"
    write(tree / "kvm/x86_64/here.c", "")
    write(tree / "timers/posix.c", "")
    old = write(tmp_path / "obj/selftests/kvm/lib/kvm_util.o", "old")
    bench = selftests.Bench(X86, tmp_path / "source", tmp_path / "obj", 2, "ccache ")
    asked = selftests.tests(selftests.parse(["kvm:here", "absent", "timers:posix"]))
    *before, kvm, timers = bench.makes(asked)
    for argv in before:
        subprocess.run(argv, check=True)
    assert kvm[-1] == str(tmp_path / "obj/selftests/kvm/x86_64/here") and f"--directory={tree / 'kvm'}" in kvm
    assert timers[-1].endswith("/timers/posix") and not old.exists()
    write(tmp_path / "obj/selftests/kvm/x86_64/here", "built")
    for argv in bench.installs(asked, tmp_path / "programs"):
        subprocess.run(argv, stderr=subprocess.DEVNULL, check=False)
    assert [place.name for place in (tmp_path / "programs").iterdir()] == ["kvm.here"]
