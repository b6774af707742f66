# SPDX-License-Identifier: GPL-2.0-only
"""The command that shows a finding again: which words it has, and where it is told."""

import argparse
import json
import shlex
from html import unescape
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kseries import inputs
from kseries.cli import _parser, target
from kseries.model import Base, FindingKind, Status
from kseries.model.sanitize import word
from kseries.report import html, junit, mail, reproduce, text
from kseries.report import json as as_json
from tests.support.gitrepo import Repository
from tests.support.runs import checks, finding, hostile, run, state

CASE = str(Path(__file__).parents[2] / "testcases" / "exit-on-missing-split")
SERIES = ("--tree", "linux-6.12.tar.xz", "-v", "1", "--prerequisite", "a.mbox", "--prerequisite", "b")
KERNEL = (
    *("--arch", "arm64", "--probe", "capabilities", "--selftest", "kvm:state_test", "--config", "my.config"),
    *("--make", "W=1", "--make", "C=1", "--debug", "--repeat", "3", "--quick"),
)


def parsed(*words: str) -> argparse.Namespace:
    return _parser().parse_args(["run", *words])


def test_what_decides_a_state_is_asked_again_and_what_does_not_is_not() -> None:
    given = (CASE, *SERIES, *KERNEL)
    (first,) = target.each(parsed(*given, "-j", "7", "--workers", "2", "--checkpatch"))
    assert sorted(first.words) == sorted(given)
    (again,) = target.each(parsed(*first.words, "-j", "7", "--workers", "2", "--checkpatch"))
    assert again == first
    (recorded,) = target.each(parsed(*given, "--record-console"))
    assert recorded.record_console and recorded.words == first.words


def test_the_architecture_is_named_since_the_next_host_may_have_another() -> None:
    assert target.each(parsed(CASE))[0].words[1:] == ("--arch", target.each(parsed(CASE))[0].arch)
    assert [one.words[1:] for one in target.each(parsed(CASE, "--arch", "x86_64,arm64"))] == [
        ("--arch", "x86_64"),
        ("--arch", "arm64"),
    ]


def test_a_range_is_named_by_its_commits_since_branches_move(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "linux")
    base = repository.commit("base", {"file": "1\n"})
    tip = repository.commit("patch", {"file": "2\n"})
    found = inputs.load("HEAD~1..main", str(repository.path))
    words = reproduce.lasting(("HEAD~1..main", "--arch", "x86_64"), found.base, found.series)
    assert words == (f"{base[:12]}..{tip[:12]}", "--arch", "x86_64")
    again = inputs.load(words[0], str(repository.path)).series
    assert [patch.commit for patch in again.patches] == [tip]


def test_patches_that_are_no_commits_keep_their_name() -> None:
    found = inputs.load(CASE)
    assert reproduce.lasting((CASE, "--quick"), found.base, found.series) == (CASE, "--quick")


@pytest.mark.parametrize(
    ("kind", "again"),
    [
        (FindingKind.BISECT_HOLE, "kseries try prefix-1 'a mbox' --arch x86_64"),
        (FindingKind.FLAKY, "kseries try prefix-1 'a mbox' --arch x86_64 --repeat 5"),
        (FindingKind.NEW_WARNING, "kseries run 'a mbox' --arch x86_64 --scenario prefixes"),
    ],
)
def test_a_warning_needs_the_state_before_it_and_what_is_flaky_more_boots(kind: FindingKind, again: str) -> None:
    result = run(state("prefix-1", 1), findings=(finding(kind, "prefix-1", "x"),), words=("a mbox", "--arch", "x86_64"))
    assert reproduce.command(result, result.findings[0]) == again
    _parser().parse_args(shlex.split(again)[1:])


@pytest.mark.parametrize(
    ("word", "elsewhere"),
    [
        ("/home/me/series", "series"),
        ("../x.mbox", "x.mbox"),
        ("~/p/", "p"),
        ("/", "DIRECTORY"),
        ("/home/u/a,b/c.mbox", "c.mbox"),
        ("file:///home/u/x.git", "x.git"),
        ("git+file:///home/u/x.git", "x.git"),
        ("NAME=/srv/config", "NAME=config"),
        ("origin/master..topic/fault", "origin/master..topic/fault"),
        ("v6.12..HEAD", "v6.12..HEAD"),
        ("net:rtnetlink", "net:rtnetlink"),
        ("https://lore.kernel.org/kvm/x@y/", "https://lore.kernel.org/kvm/x@y/"),
    ],
)
def test_elsewhere_a_path_of_this_host_is_a_name(word: str, elsewhere: str) -> None:
    told = finding(FindingKind.BISECT_HOLE, "prefix-1", "x")
    result = run(state("prefix-1", 1), findings=(told,), words=("series", "--config", word))
    assert shlex.split(reproduce.elsewhere(result, told))[-1] == elsewhere


@pytest.mark.parametrize(
    ("option", "word", "elsewhere"),
    [
        ("--probe", "capabilities,./probes/repro.c,/tmp/b.c", "capabilities,repro.c,b.c"),
        ("--make", "CC=ccache /home/u/gcc", "CC=ccache gcc"),
        ("--make", "KCFLAGS=-I/home/u/inc -isystem/home/u/x", "KCFLAGS=-Iinc -isystemx"),
        ("--make", "LDFLAGS=-Wl,-rpath,/home/u/lib", "LDFLAGS=-Wl,-rpath,lib"),
        ("--make", "CC=tools/my-cc", "CC=tools/my-cc"),
        ("--append", "root=/dev/vda dyndbg=+p", "root=/dev/vda dyndbg=+p"),
        ("--device", "usb-kbd,bus=usb.0", "usb-kbd,bus=usb.0"),
        ("--selftest", "n=mm:map -f /dev/zero,x", "n=mm:map -f /dev/zero,x"),
        ("--make", "CROSS_COMPILE=aarch64-linux-gnu-", "CROSS_COMPILE=aarch64-linux-gnu-"),
    ],
)
def test_elsewhere_an_option_has_its_own_way_to_name_paths(option: str, word: str, elsewhere: str) -> None:
    told = finding(FindingKind.BISECT_HOLE, "prefix-1", "x")
    result = run(state("prefix-1", 1), findings=(told,), words=("series", option, word))
    assert shlex.split(reproduce.elsewhere(result, told))[-1] == elsewhere


SECRET = "/home/secret/of mine/x,y/"
BEFORE = ["", "file://", "git+file://"]
IN_MAKE = [
    "CC=",
    "CC=ccache ",
    "KCFLAGS=-I",
    "KCFLAGS=-W=1 -isystem",
    "A=-Wl,-rpath,",
    "A=x:",
    "A='",
    "A=$(B)",
    "A=(",
    "A=~u",
]


@given(
    st.lists(
        st.one_of(
            st.tuples(
                st.sampled_from(["--config", "--base", "--tree", "--contract", "--probe"]), st.sampled_from(BEFORE)
            ),
            st.tuples(st.just("--make"), st.sampled_from(IN_MAKE)),
        ),
        max_size=4,
    ),
    st.sampled_from(BEFORE),
    st.sampled_from(["", " origin/master"]),
)
def test_no_absolute_path_of_this_host_is_in_a_mail(words: list[tuple[str, str]], before: str, revision: str) -> None:
    told = finding(FindingKind.BISECT_HOLE, "prefix-1", "x", patch=1)
    given_ = [word for option, prefix in words for word in (option, f"{prefix}{SECRET}name")]
    base = Base(name=f"{SECRET}linux{revision}", version="6.12", tree="")
    result = run(
        state("prefix-1", 1, scenario="prefixes", applied=(1,)),
        findings=(told,),
        base=base,
        words=(f"{before}{SECRET}s.mbox", *given_, "--tree", f"{SECRET}linux"),
    )
    told_of = " ".join(mail.reply(result, told).split())
    assert "secret" not in told_of and "/home" not in told_of
    assert f"Tested on linux{revision} (Linux 6.12)" in told_of


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("/home/u/linux origin/master", "linux origin/master"),
        ("/home/u/linux-6.12.tar.xz", "linux-6.12.tar.xz"),
        ("debian:linux-source-6.12 6.12.9-1", "debian:linux-source-6.12 6.12.9-1"),
    ],
)
def test_a_base_is_told_by_the_revision_that_was_given(name: str, told: str) -> None:
    assert reproduce.base_elsewhere(run(base=Base(name=name, version="6.12", tree=""))) == told


def test_text_json_and_junit_tell_it(tmp_path: Path) -> None:
    broken = finding(FindingKind.REGRESSION, "prefix-2", "feature.works: fail")
    seen = state("prefix-2", 2, checks=checks(feature__works=Status.FAIL))
    words = ("a mbox", "--arch", "x86_64")
    broken = reproduce.with_command(broken, words, seen.scenario)
    told = run(state("base"), seen, findings=(broken,), words=words)
    command = "kseries try prefix-2 'a mbox' --arch x86_64"
    assert f"  To see it again: {command}\n" in text.render(told)
    assert json.loads(as_json.render(told))["variants"][0]["findings"][0]["reproduce"] == command
    assert command in junit.render(told, tmp_path)


THEIRS = st.lists(
    st.one_of(st.sampled_from(["\x1b[", "\x1b]0;", "'", "$(touch X);#", "\x1b[1'm", "--", "a\nb\tc"]), hostile)
)


def shown(page: str, before: str, after: str) -> str:
    return page.partition(before)[2].partition(after)[0]


@example(["/"], "")  # a path of this host, which the mail names otherwise
@given(THEIRS, hostile)
def test_the_words_of_a_result_stay_words_wherever_the_command_is_told(theirs: list[str], name: str) -> None:
    """Whoever pastes it runs kseries, and nothing that the result brought."""
    broken = finding(FindingKind.REGRESSION, f"prefix-2{name}", "feature.works: fail")
    words = ("x", *theirs)
    result = run(state(f"prefix-2{name}", 2, scenario="prefixes"), findings=(broken,), words=words)
    wanted = ["kseries", "try", *map(word, (broken.state, *words))]
    assert shlex.split(reproduce.command(result, broken)) == wanted
    assert shlex.split(shown(text.render(result), "  To see it again: ", "\n")) == wanted
    told = shlex.split(shown(mail.reply(result, broken), "\n  $ ", "\n\n").replace(" \\\n", " "))
    assert told == shlex.split(reproduce.elsewhere(result, broken)) and len(told) == len(wanted)
    assert shlex.split(reproduce.whole(result, ())) == ["kseries", "run", *map(word, words)]


def test_the_page_has_the_command_as_it_is(tmp_path: Path) -> None:
    words = ("\x1b[", "x", "$(touch X);#")
    result = run(state("base"), findings=(finding(FindingKind.REGRESSION, "base", "p.a: fail"),), words=words)
    page = unescape(html.render(result, tmp_path))
    assert f"<pre>{reproduce.command(result, result.findings[0])}</pre>" in page
    assert f'<pre tabindex="0">{reproduce.whole(result, ())}</pre>' in page
