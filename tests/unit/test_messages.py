# SPDX-License-Identifier: GPL-2.0-only
"""Sentences in which kseries tells what it did, or what somebody has to do: each in the words of the field."""

import re
from pathlib import Path

import pytest

from kseries.app import premises
from kseries.cli import main
from kseries.host import disk
from kseries.model import FindingKind
from kseries.model.errors import InfraError
from kseries.model.notewords import unbooted, unbuilt
from kseries.report import headline
from tests.support.runs import finding, run, state


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (unbuilt(["x.h"], "base"), "not rebuilt: x.h affects no object; base's result reused"),
        (unbuilt(["x.h", "y.h"], "prefix-1"), "not rebuilt: x.h, y.h affect no object; prefix-1's result reused"),
        (unbuilt([*"abcde"], "base"), "not rebuilt: a, b, c and 2 more affect no object; base's result reused"),
        (
            unbuilt(["x\n.h"], "tree 0123 of an earlier run"),
            "not rebuilt: x .h affects no object; the result of tree 0123 of an earlier run reused",
        ),
        (unbooted("base"), "not booted: same kernel, byte for byte; base's result reused"),
    ],
)
def test_a_state_with_anothers_result_says_why_and_whose(said: str, told: str) -> None:
    assert said == told


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (FindingKind.BISECT_HOLE, "Not ready: the series is not bisectable at 2/2."),
        (FindingKind.SANDBOX_DENIAL, "Not ready: the sandbox denied access to what the build of 2/2 asked for."),
    ],
)
def test_the_headline_says_what_is_wrong(kind: FindingKind, told: str) -> None:
    found = (finding(kind, "prefix-2", "why", patch=2),)
    assert headline.headline(run(state("base"), state("prefix-2", 2), findings=found)) == told


def test_an_error_of_a_disk_says_what_to_do_and_what_is_not_lost(tmp_path: Path) -> None:
    with pytest.raises(InfraError) as caught, premises.room():
        (tmp_path / "folder").read_bytes()
    assert str(caught.value).endswith("\n  fix this and run again; finished states are cached")
    full = str(disk.trouble(tmp_path)).splitlines()
    assert full[1:] == [
        "  make room, or set XDG_CACHE_HOME or --out to another disk, and run again; finished states are cached"
    ]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            ValueError("x"),
            r"kseries: internal error in kseries, not caused by your patches: ValueError\('x'\)\n"
            r"  KSERIES_TRACEBACK=1 .*\n",
        ),
        (KeyboardInterrupt(), r"\nkseries: interrupted; run it again to go on, finished states are cached\n"),
    ],
)
def test_what_ends_a_command_is_nobodys_patch(
    error: BaseException, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(_: object) -> int:
        raise error

    monkeypatch.setattr("kseries.cli.doctor.command", command)
    main(["doctor"])
    assert re.fullmatch(told, capsys.readouterr().err)
