# SPDX-License-Identifier: GPL-2.0-only
"""kseries promise, and what a run says of promises that no contract speaks of. The kernel is the tiny one.

Patch 1 has it behave, patch 2 has it advertise that, patch 3 has nothing to do with either.
"""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from kseries import inputs
from kseries.app import rundir
from kseries.app.options import Options
from kseries.cli import main
from kseries.host import paths
from kseries.inputs import contracts
from kseries.judge import compare, promises
from kseries.model import FindingKind, Inference, RunResult, validate
from kseries.report import html, mail
from kseries.report.headline import headline
from kseries.report.verdicts import render as table
from kseries.sources import versions
from tests.support import tiny
from tests.support.gitrepo import Repository

_BEFORE, _SAID, _ = tiny.MAIN.partition("said:")
MAIN = (
    _BEFORE.replace("WHICH", "toy").replace("DELAY", "1").replace("LOG", "")
    + r"""
#include "shows.inc"
#include "does.inc"
said:	.ascii "KTAP version 1\n1..1\n    # Subtest: capabilities\n    # plan: works\n"
	.if SHOWS
	.ascii "    # cap KVM_CAP_TOY=1\n"
	.if DOES
	.ascii "@    ok 1 works\n"
	.else
	.ascii "@    not ok 1 works\n"
	.endif
	.else
	.ascii "    # cap KVM_CAP_TOY=0\n@    ok 1 works # SKIP KVM_CAP_TOY is not advertised\n"
	.endif
	.asciz "ok 1 capabilities\n# kseries: end\n"
"""
)
SENTENCE = (
    "Without 1/3 'toy: Do it' the kernel still shows KVM_CAP_TOY (by 2/3 'toy: Show it') and fails what came with it"
)
SERIES = ("base..topic", "--tree", "linux", "--probe", "capabilities", "--scenario", "prefixes,reverts")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The series in a repository, and a cache that all tests here have in common."""
    where = tmp_path_factory.mktemp("toy")
    repository = Repository(where / "linux")
    makefile = tiny.MAKEFILE.replace("main.o: main.S", "main.o: main.S shows.inc does.inc")
    files = {**tiny.kernel("toy"), "Makefile": makefile, "main.S": MAIN}
    repository.commit("base", {**files, "shows.inc": "SHOWS = 0\n", "does.inc": "DOES = 0\n"})
    repository.git("tag", "base")
    repository.commit("toy: Do it", {"does.inc": "DOES = 1\n"})
    repository.commit("toy: Show it", {"shows.inc": "SHOWS = 1\n"})
    repository.commit("toy: Rest", {"lib.S": f'{tiny.LIB}\t.asciz "a rest"\n'})
    repository.git("tag", "topic")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(where / "cache"))
        patch.chdir(where)
        yield where


def run(out: str, *words: str) -> int:
    return main(["run", *SERIES, "--out", out, *words])


def result(out: str) -> RunResult:
    return rundir.read(Path(out))[0]


def stored(place: Path) -> set[Path]:
    """The results that the cache has: of each job one."""
    return {path for path in (place / "cache" / "kseries" / "results").rglob("*") if path.is_file()}


def test_a_run_suspects_and_does_not_fail_for_it(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("out") == 0
    (found,) = result("out").findings
    assert (found.kind, found.state, found.patch, found.partner) == (FindingKind.SUSPECTED_BREAK, "without-1", 1, 2)
    told = capsys.readouterr().out
    assert f"SUSPECTED-BREAK: {SENTENCE}; no contract says so:" in told
    assert "What would settle it is a contract; this writes one: kseries promise" in told and "-o promises.toml" in told
    document = ElementTree.parse(place / "out" / "junit.xml").getroot()
    assert not [*document.iter("failure")]
    (skipped,) = [one for one in document.iter("skipped") if "as advice" in (one.get("message") or "")]
    assert SENTENCE in (skipped.get("message") or "")


def test_the_other_reports_say_the_same(place: Path) -> None:
    run("out")
    page = html.render(result("out"), place / "out")
    assert "suspected break" in page and "advice, not counted" in page and "still shows KVM_CAP_TOY" in page
    assert 'class="finding advice"' in page and 'class="finding problem"' not in page
    (letter,) = mail.letters(result("out"))
    said = " ".join(letter[1].split())
    assert SENTENCE in said and "`kseries promise` writes one" in said


def test_it_is_a_finding_for_who_asks_for_that_and_nothing_for_who_asks_for_nothing(place: Path) -> None:
    assert run("counted", "--promise", "inferred") == 1
    counted = result("counted")
    assert [one.is_advice for one in counted.findings] == [False]
    assert (counted.verdict.bisectable, counted.verdict.revert_safe) == (None, False)
    assert counted.patches[0].verdict.revert_safe is False and counted.patches[1].verdict.revert_safe is None
    assert [*ElementTree.parse(place / "counted" / "junit.xml").getroot().iter("failure")]
    assert headline(counted) == "Not ready: without-1 shows and does not keep KVM_CAP_TOY."
    assert table([counted]).count("SUSPECTED-BREAK with 2") == 1
    assert run("off", "--promise", "off") == 0
    assert (result("off").findings, result("off").inference) == ((), Inference.OFF)


def test_the_command_that_shows_it_again_does(place: Path) -> None:
    run("out")
    (found,) = result("out").findings
    command, *words = found.reproduce.split()[1:]
    assert (command, main([command, *words])) == ("try", 1)


def test_what_was_inferred_is_written_as_a_contract_with_which_it_is_a_silent_break(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("out")
    known = stored(place)
    assert main(["promise", *SERIES, "-o", "promises.toml"]) == 0
    assert capsys.readouterr().out.count("[[contract]]") == 0
    (made,) = contracts.read([Path("promises.toml")])
    assert (made.id, made.when, made.checks) == ("kvm-cap-toy", "KVM_CAP_TOY", ("capabilities.works",))
    assert stored(place) == known, "no contract is part of a job"
    assert main(["promise", "--from", "out"]) == 0
    assert capsys.readouterr().out == Path("promises.toml").read_text()
    assert run("kept", "--no-contracts", "--contract", "promises.toml") == 1
    found, advice = result("kept").findings
    assert (found.kind, found.state, found.contract) == (FindingKind.SILENT_BREAK, "without-1", "kvm-cap-toy")
    assert (found.patch, found.partner, advice.kind) == (1, 2, FindingKind.UNDOCUMENTED_DEPENDENCY)
    assert found.advice is not None and found.advice.verified is True
    capsys.readouterr()
    assert main(["promise", "--from", "out", "--contract", "promises.toml"]) == 0
    said = capsys.readouterr()
    assert said.out == "" and "nothing can be inferred of" in said.err


def test_contracts_are_left_out_and_known_by_it(place: Path) -> None:
    assert run("bare", "--no-contracts") == 0
    bare = result("bare")
    assert all(not state.contracts for state in bare.states) and "--no-contracts" in bare.words
    assert any(state.contracts for state in result("out").states)
    assert [one.kind for one in bare.findings] == [FindingKind.SUSPECTED_BREAK]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "kseries: this is about a TARGET, or about a finished run: --from RUN"),
        (("base..topic", "--from", "out"), "is about a TARGET, or about a finished run"),
        (("--from", "nowhere"), "no result of a run: nowhere"),
        (("--from", "out", "-o", "nowhere/x.toml"), "cannot write nowhere/x.toml: no such directory"),
        (("base..topic", "--tree", "linux", "--build-only"), "this needs a guest that is booted"),
    ],
)
def test_what_cannot_be_is_told(
    place: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["promise", *words]) == 2
    told = capsys.readouterr()
    assert said in told.err and len(told.err.splitlines()) <= 2 and told.out == ""


def test_a_run_that_was_interrupted_is_an_input_that_is_not_whole(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("part")
    rundir.write(Path("part"), msgspec.structs.replace(result("part"), partial=True))
    capsys.readouterr()
    assert main(["promise", "--from", "part"]) == 2
    told = capsys.readouterr()
    assert "part is of a run that was interrupted\n  finish it with the same kseries run" in told.err and told.out == ""


def test_of_a_contract_that_is_there_the_name_is_taken(place: Path) -> None:
    run("out")
    Path("other.toml").write_text('id = "kvm-cap-toy"\ntitle = ""\nwhen = "KVM_CAP_ELSE"\nchecks = ["other.check"]\n')
    assert main(["promise", "--from", "out", "--contract", "other.toml", "-o", "second.toml"]) == 0
    assert [one.id for one in contracts.read([Path("second.toml")])] == ["kvm-cap-toy-2"]


def test_of_too_many_parts_the_command_says_why_there_is_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("out")
    monkeypatch.setattr(promises, "MOST_PARTS", 0)
    capsys.readouterr()
    assert main(["promise", "--from", "out"]) == 0
    told = capsys.readouterr()
    assert told.out == "" and "it brings 1 parts of what a kernel shows, and 0 are the most" in told.err


def test_a_result_whose_suspicion_is_of_no_promise_is_none_of_ours(place: Path) -> None:
    run("out")
    assert validate.fault(result("out")) is None
    (found,) = result("out").findings
    odd = msgspec.structs.replace(result("out"), findings=(msgspec.structs.replace(found, promise=()),))
    assert validate.fault(odd) == "its suspected-break in without-1 is of no promise"


def test_a_contract_that_is_left_out_still_says_which_tests_are_asked(tmp_path: Path) -> None:
    """So that what is known with it is known without it, and the other way round."""
    mine, its = tmp_path / "mine.toml", tmp_path / "its.toml"
    target = msgspec.structs.replace(inputs.load(str(paths.project("testcases", "timerfd-clean"))), contracts=(its,))
    asks = Options(out=tmp_path, contracts=(mine,)).of(target)
    bare = Options(out=tmp_path, contracts=(mine,), no_contracts=True).of(target)
    assert (asks.contracts, asks.unasked) == ((mine, its), ())
    assert (bare.contracts, bare.unasked) == ((mine,), (its,))


def test_compare_tells_of_it_and_does_not_call_it_gone_where_nobody_looked(place: Path) -> None:
    run("bare", "--no-contracts")
    run("off", "--no-contracts", "--promise", "off")
    suspects, silent = result("bare"), result("off")
    same = versions.match(suspects.series.patches, silent.series.patches, None)
    told = compare.compare(silent, suspects, same)
    assert [one.finding.kind for one in told.findings_new] == [FindingKind.SUSPECTED_BREAK] and told.worse == ()
    told = compare.compare(suspects, silent, same)
    assert (len(told.findings_untried), told.findings_gone) == (1, ())
    looked = msgspec.structs.replace(silent, inference=Inference.SUSPECT)
    assert len(compare.compare(suspects, looked, same).findings_gone) == 1
