# SPDX-License-Identifier: GPL-2.0-only
"""kseries try speaks to git bisect run: what says nothing of a commit is never a number that git takes for bad."""

import contextlib
from collections.abc import Iterator

import pytest

from kseries.app import single
from kseries.bisect.answer import Answer, Tried
from kseries.cli import main, target, try_state
from kseries.model import ContractVerdict, StateResult
from kseries.model.errors import InfraError, InputError
from tests.support.runs import state


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
    assert capsys.readouterr().err.endswith("--help\n")


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", "--help"]) == 0
    assert "125" in capsys.readouterr().out


def promise(*, advertised: bool | None) -> ContractVerdict:
    return ContractVerdict(id="c", capability="C", advertised=advertised, holds=None, untested=("p.a",))


@pytest.mark.parametrize(
    ("tried", "told"),
    [
        pytest.param(
            state("prefix-1", 1, config_dropped=("CONFIG_X=y",)),
            "  without CONFIG_X=y, which the config fragment asks for\n",
            id="an option that was asked for and is off",
        ),
        pytest.param(
            state("prefix-1", 1, contracts=(promise(advertised=True), promise(advertised=None))),
            "  not tested: p.a\n",
            id="what a promise asks for and nobody tried",
        ),
        pytest.param(
            state("prefix-1", 1, contracts=(promise(advertised=False),)),
            "",
            id="what is asked of kernels without a capability",
        ),
    ],
)
def test_what_is_told_of_a_good_state(
    tried: StateResult, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class StateRunner:
        def state(self, _: str) -> object:
            return tried

        def ask(self, *_: object) -> Tried:
            return Tried(answer=Answer.GOOD, why=(), result=tried)

    @contextlib.contextmanager
    def runner(*_: object) -> Iterator[StateRunner]:
        yield StateRunner()

    monkeypatch.setattr(single, "state_runner", runner)
    monkeypatch.setattr(target, "load", lambda _: None)
    assert main(["try", "prefix-1", "base..HEAD"]) == 0
    assert capsys.readouterr().out == f"prefix-1: good\n{told}"
