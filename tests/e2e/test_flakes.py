# SPDX-License-Identifier: GPL-2.0-only
"""What fails by chance on a base is remembered from run to run, and what is known to fail is shown and not counted."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tests.support import tiny
from tests.support.commands import typed
from tests.support.gitrepo import Repository

CHECK = "capabilities.a"
LINK = "https://bugs.example.org/7"
WORDS = ("--tree", "linux", "--probe", "capabilities", "--scenario", "prefixes")
REPEATS = ("6", "7")
"""Boots of the kernel of each run: of 13 all pass, or all fail, once in 4,000 times."""
_GOOD, _BAD = "@    ok 1 a", "@    not ok 1 a"
_BEGINS = "6:	mov $said, %esi\n"
_BY_CHANCE = f"{_BEGINS}\trdtsc\n\ttest $0x400, %eax\n\tjz 7f\n\tmov $other, %esi\n7:"


def kernel(which: str, main: str = "", more: str = "") -> dict[str, str]:
    """The tiny kernel, with another ``main``."""
    files = tiny.kernel(which)
    return {**files, "main.S": (main or files["main.S"]) + more, "arch/x86/kvm/Kconfig": ""}


def flaky() -> dict[str, str]:
    """One whose check passes in one boot and fails in another, by the time stamp counter."""
    main = tiny.kernel("flaky")["main.S"]
    said = main[main.index("said:") :]
    assert _BEGINS in main and _GOOD in said
    return kernel("flaky", main.replace(_BEGINS, _BY_CHANCE), said.replace("said:", "other:").replace(_GOOD, _BAD))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a repository: flaky..noted changes nothing that is built, base..topic breaks the check."""
    place = tmp_path_factory.mktemp("flakes")
    linux = Repository(place / "linux")
    good = kernel("good")
    broken = {**good, "main.S": good["main.S"].replace(_GOOD, _BAD)}
    steps = {"flaky": flaky(), "noted": {**flaky(), "NOTES": "one\n"}, "base": good, "topic": broken}
    for name, files in steps.items():
        linux.commit(name, files)
        linux.git("tag", name)
    return place


def kseries(place: Path, *words: str | Path) -> tuple[int, str, str]:
    done = typed(place, *words, XDG_CACHE_HOME=str(place / "cache"))
    return done.returncode, done.stdout, done.stderr


def result(place: Path, out: str) -> dict[str, Any]:
    (found,) = json.loads((place / out / "result.json").read_text())["variants"]
    assert isinstance(found, dict)
    return found


def skipped(place: Path, out: str) -> dict[str, str]:
    """What the JUnit file of a run has skipped, and why; nothing may have failed."""
    cases = [case for suite in ET.parse(place / out / "junit.xml").getroot() for case in suite]
    assert [case.get("name") for case in cases if case.find("failure") is not None] == []
    told = ((case, case.find("skipped")) for case in cases)
    return {
        f"{case.get('classname')}.{case.get('name')}": one.get("message", "") for case, one in told if one is not None
    }


@pytest.fixture(scope="module")
def counted(place: Path) -> tuple[int, int]:
    """What several runs have seen of the flaky kernel, as their results have it: boots that failed, of how many."""
    failed, boots = 0, 0
    for times in map(int, REPEATS):
        base = of_flaky(place, times)
        (told,) = (check["status"] for check in base["checks"] if check["id"] == CHECK)
        assert base["boots"] == times
        failed += base["failures"][CHECK] if CHECK in base["flaky"] else times * (told == "fail")
        boots += times
    of_flaky(place, int(REPEATS[0]))  # which is replayed
    return failed, boots


def of_flaky(place: Path, times: int) -> dict[str, Any]:
    """The base of a run of the flaky kernel, each kernel booted so often."""
    words = ("run", "flaky..noted", *WORDS, "--repeat", str(times), "--out", f"flaky-{times}")
    status, printed, said = kseries(place, *words)
    assert status == 0, (printed, said)
    (base,) = (state for state in result(place, f"flaky-{times}")["states"] if state["id"] == "base")
    assert isinstance(base, dict)
    return base


def test_a_finding_says_how_often_its_check_failed_by_chance(place: Path, counted: tuple[int, int]) -> None:
    failed, boots = counted
    assert 0 < failed < boots == 13
    status, printed, said = kseries(place, "run", "base..topic", *WORDS, "--out", "told")
    assert status == 1, (printed, said)
    words = f"this check failed {failed} of {boots + 1} times on kernels without this series"
    assert words in printed
    assert words[1:] in (place / "told" / "report.html").read_text()
    assert words in (place / "told" / "junit.xml").read_text()
    (finding,) = result(place, "told")["findings"]
    (one,) = (one for one in finding["evidence"] if one.get("name") == CHECK)
    assert one["without_series"] == {"failed": failed, "boots": boots + 1}
    kseries(place, "run", "base..topic", *WORDS, "--out", "again")
    assert result(place, "again")["findings"] == result(place, "told")["findings"], "what is replayed counts once"


def test_a_known_issue_is_shown_with_its_link_and_exits_0(place: Path) -> None:
    (place / "known.toml").write_text(
        f'[[issue]]\ncheck = "capabilities.*"\nlink = "{LINK}"\nuntil = 2999-01-01\n'
        f'[[issue]]\ncheck = "other.*"\nlink = "{LINK}0"\n'
    )
    words = ("run", "base..topic", *WORDS, "--known-issues", "known.toml")
    status, printed, said = kseries(place, *words, "--out", "known")
    assert status == 0, (printed, said)
    assert "0 findings, 1 known issue" in printed and f"known issue, not counted: {LINK}" in printed
    assert f"known issue other.* ({LINK}0) matched nothing" in printed
    page = (place / "known" / "report.html").read_text()
    assert f'<a href="{LINK}">' in page[page.index('<section id="known">') :].partition("</section>")[0]
    told = skipped(place, "known")
    assert f"known issue ({LINK})" in told[f"prefix-1.{CHECK}"]
    assert any(name.startswith("prefix-1.known.") for name in told)
    assert result(place, "known")["verdict"]["bisectable"] is not True
    status, printed, said = kseries(place, *words, "--strict", "--out", "strict")
    assert status == 1, "what is not judged is not in order, where somebody asks for that"


def test_an_issue_whose_day_is_over_is_counted_again(place: Path) -> None:
    (place / "past.toml").write_text(f'[[issue]]\ncheck = "{CHECK}"\nlink = "{LINK}"\nuntil = 2020-01-01\n')
    status, printed, said = kseries(place, "run", "base..topic", *WORDS, "--known-issues", "past.toml", "--out", "past")
    assert status == 1, (printed, said)
    assert f"known issue {CHECK} ({LINK}) ended on 2020-01-01: it is counted again" in printed
    assert "known issue, not counted" not in printed


def test_what_is_wrong_with_a_list_is_told_before_anything_is_built(place: Path) -> None:
    (place / "wrong.toml").write_text(f'[[issue]]\ncheck = "{CHECK}"\nlink = "{LINK}"\nuntil = "soon"\n')
    status, printed, said = kseries(place, "run", "nonsense", "--known-issues", "wrong.toml")
    assert (status, printed) == (2, "")
    assert "wrong.toml: issue 1 (capabilities.a): until = soon is no day\n  write it without quotes" in said
