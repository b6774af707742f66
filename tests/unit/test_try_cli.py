# SPDX-License-Identifier: GPL-2.0-only
"""kseries try speaks to git bisect run: what says nothing of a commit is never a number that git takes for bad."""

import pytest

from harness.cli import main, try_state
from harness.errors import InfraError, InputError


def broken(error: BaseException) -> object:
    def command(*_: object) -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("no such thing"), 128),
        (InfraError("no disk"), 129),
        (OSError(5, "Input/output error"), 129),
        (MemoryError(), 129),
        (AssertionError(), 129),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 141),
    ],
)  # fmt: skip
def test_no_fault_marks_a_commit_bad(
    error: BaseException, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(try_state, "command", broken(error))
    if isinstance(error, BrokenPipeError):
        monkeypatch.setattr("sys.stderr.close", lambda: None)
    assert main(["try", "HEAD", "base..HEAD"]) == status
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [(), ("HEAD",), ("HEAD", "base..HEAD", "--nonsense"), ("x", "y", "--build", "--boot")]
)
def test_a_wrong_command_line_is_none_either(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", *words]) == 128
    assert "usage: kseries" in capsys.readouterr().err


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", "--help"]) == 0
    assert "125" in capsys.readouterr().out
