# SPDX-License-Identifier: GPL-2.0-only
"""What --kunit takes, what it makes of it, and what a kernel and a contract are told."""

import shutil
from pathlib import Path

import pytest

from kseries import inputs
from kseries.app.options import Options
from kseries.guest import qemu
from kseries.inputs import contracts
from kseries.model import Contract, Machine
from kseries.model.errors import InputError
from kseries.probes import kunit
from tests.support.commands import TOP
from tests.support.kbuild import ARCH


@pytest.mark.parametrize("glob", ["cmdline", "list-kunit-test", "list*.*del*", "auto", "[a-c]?*", "*", "a.b"])
def test_what_a_filter_of_kunit_takes_is_a_glob(glob: str) -> None:
    assert kunit.parse([glob, glob]) == (glob,)


@pytest.mark.parametrize("word", ["", "a b", "a.b.c", ".b", "a,b", 'a"', "a\n", "/", "ä", "a.b!\\"])
def test_what_would_be_another_word_or_none_of_kunits_is_told_in_two_lines(word: str) -> None:
    with pytest.raises(InputError, match=r"expected SUITE, SUITE\.CASE or auto") as raised:
        kunit.parse([word])
    assert len(str(raised.value).splitlines()) == 2


def test_so_are_too_many() -> None:
    with pytest.raises(InputError, match="more than 50 globs"):
        kunit.parse(map(str, range(51)))


@pytest.mark.parametrize(
    ("glob", "suite", "meant"),
    [
        ("list*", "list-kunit-test", True),
        ("list*.x", "list-kunit-test", True),
        ("list", "list-kunit-test", False),
        ("Hand?API", "Hand API", True),
        ("[!l]*", "list", False),
        ("List", "list", False),
    ],
)
def test_a_glob_means_suites_as_in_the_kernel(glob: str, suite: str, meant: bool) -> None:
    assert kunit.matches(glob, suite) is meant


def test_a_boot_alone_is_told_of_its_suites_behind_what_its_user_adds() -> None:
    words = qemu.kernel_command_line(ARCH, Machine(append=("more=1",)), kunit.words("a*")).split()
    assert words[-3:] == ["more=1", "kunit.enable=1", "kunit.filter_glob=a*"]
    assert kunit.words(None) == ("kunit.enable=0",)
    assert qemu.kernel_command_line(ARCH) == qemu.kernel_command_line(ARCH, Machine(), ())


def test_a_test_case_asks_for_suites_as_the_option_does(tmp_path: Path) -> None:
    case = tmp_path / "case"
    shutil.copytree(TOP / "testcases" / "cmdline-sizes", case)
    text = 'title = "it"\nkunit = ["cmdline", "auto"]\n[expect]\nbisectable = true\nrevert_safe = true\n'
    (case / "testcase.toml").write_text(text)
    asked = Options(out=tmp_path, kunit=("auto", "list*")).of(inputs.load(str(case)))
    assert asked.kunit == ("auto", "list*", "cmdline")
    (case / "testcase.toml").write_text(text.replace("cmdline", "two words"))
    with pytest.raises(InputError, match="--kunit two words"):
        Options(out=tmp_path).of(inputs.load(str(case)))


@pytest.mark.parametrize("name", ["kunit.cmdline.cmdline_test_range", "kunit.a.b/parameter"])
def test_a_contract_may_name_a_case_whether_or_not_it_is_asked_for(name: str) -> None:
    contracts.check([Contract(id="a", title="", when=name, checks=(name,))], frozenset())


@pytest.mark.parametrize("when", ["kunit.cmdline", "other.check"])
def test_a_contract_that_goes_by_a_check_of_no_probe_is_refused(when: str) -> None:
    with pytest.raises(InputError, match=f"contract a: {when} is of no probe"):
        contracts.check([Contract(id="a", title="", when=when, checks=())], frozenset({"capabilities"}))
    contracts.check([Contract(id="a", title="", when="KVM_CAP_A", checks=())], frozenset())
