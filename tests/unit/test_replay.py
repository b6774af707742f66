# SPDX-License-Identifier: GPL-2.0-only
"""The log of a git bisect: what it holds, and of what in it kseries makes nothing."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kseries.bisect import replay
from kseries.bisect.replay import Log
from kseries.model.errors import InputError
from kseries.model.lineage import Range
from tests.support import dags
from tests.support.dags import Commit
from tests.support.gitrepo import Repository

COUNT = 9


@pytest.fixture
def theirs(tmp_path: Path) -> Repository:
    """Commits in a row, which have the branches c0 to c8, and one aside from c2 on that has c9."""
    theirs = Repository(tmp_path / "linux")
    chain = [Commit((n - 1,) if n else (), dict.fromkeys(dags.PATHS, str(n)), n + 1) for n in range(COUNT)]
    dags.imported(theirs, [*chain, Commit((2,), dict.fromkeys(dags.PATHS, "x"), 20)])
    return theirs


@pytest.fixture
def fits(theirs: Repository, tmp_path: Path) -> Callable[..., tuple[tuple[str, str], ...]]:
    """Hold a log against c0..c8; its commits are told by their branches."""

    def fits(text: str, good: str = "c0", bad: str = "c8") -> tuple[tuple[str, str], ...]:
        file = tmp_path / "bisect.log"
        file.write_text(text)
        wanted = Range(good=theirs.git("rev-parse", good), bad=theirs.git("rev-parse", bad))
        found = replay.fitting(replay.read(file), theirs.path, wanted)
        names = {theirs.git("rev-parse", f"c{n}"): f"c{n}" for n in range(COUNT + 1)}
        return tuple((word, names[commit]) for word, commit in found)

    return fits


Fits = Callable[..., tuple[tuple[str, str], ...]]


@pytest.mark.parametrize(
    "start",
    [
        ("start", "--no-checkout", "c8", "c0"),
        ("start", "--no-checkout", "--term-old", "fine", "--term-new=broken", "c8", "c0"),
        ("start", "--no-checkout"),
        ("start", "--no-checkout", "--first-parent", "c8", "c0", "--", "a", "b/c"),
    ],
)
def test_what_git_has_logged_is_what_is_read(
    theirs: Repository, fits: Fits, tmp_path: Path, start: tuple[str, ...]
) -> None:
    theirs.git("bisect", *start)
    good, bad = ("fine", "broken") if "--term-old" in start else ("good", "bad")
    if "c8" not in start:
        theirs.git("bisect", bad, "c8")
        theirs.git("bisect", good, "c0")
    theirs.git("bisect", good, "c2")
    theirs.git("bisect", "skip", "c4..c5", "c3")
    theirs.git("bisect", bad, "c7")
    log = theirs.git("bisect", "log")
    assert fits(log) == (("good", "c2"), ("skip", "c5"), ("skip", "c3"), ("bad", "c7"))
    found = replay.read(tmp_path / "bisect.log")
    assert (found.first_parent, found.paths) == (("--first-parent" in start), ("a", "b/c") if "--" in start else ())


def test_of_a_branch_that_was_moved_since_what_it_was_counts(theirs: Repository, fits: Fits) -> None:
    theirs.git("bisect", "start", "--no-checkout", "c8", "c0")
    log = theirs.git("bisect", "log")
    assert "'c8' 'c0'" in log
    before = theirs.git("rev-parse", "c8")
    theirs.git("branch", "--force", "c8", "c7")
    assert fits(log, bad=before) == ()


def test_a_subject_may_hold_what_looks_like_the_end_of_a_line(fits: Fits) -> None:
    assert fits("git bisect start c8 c0\n# good: [x] a\x0bgit bisect bad c1\u2028b\ngit bisect good c2\r\n") == (
        ("good", "c2"),
    )


def test_of_several_logs_in_a_file_the_last_counts(fits: Fits) -> None:
    assert fits("git bisect start c8 c0\ngit bisect bad c3\ngit bisect start c8 c0\ngit bisect good c4\n") == (
        ("good", "c4"),
    )


START = "git bisect start c8 c0\n"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("", r"it is no log of a bisection\n  git bisect log prints one"),
        ("# nothing\n\n", "it is no log"),
        ("git bisect good c1\n", "line 1: git bisect has no such line"),
        (START + "git bisect nonsense c1\n", r"line 2: git bisect has no such line: git bisect nonsense c1"),
        (START + "rm -rf /\n", "line 2: git bisect has no such line: rm"),
        (START + "git bisect good 'c1\n", "line 2: it cannot be read: No closing quotation"),
        (
            START + "\ngit bisect good c1\ngit bisect bad beefbeef\n",
            r"line 4: .* has no commit beefbeef\n  .*rewritten",
        ),
        (START + "git bisect good c3\ngit bisect bad c3\n", r"line 3: \w{12} is bad, and was good above"),
        (
            START + "git bisect bad c3\ngit bisect good c5\n",
            r"line 3: \w{12} is bad, and \w{12}, .* made on it, is good",
        ),
        (
            START + "git bisect good c5\ngit bisect bad c3\n",
            r"line 3: \w{12} is bad, and \w{12}, .* made on it, is good",
        ),
        (START + "git bisect bad c9\n", r"line 2: \w{12} is no part of \w{12}, which is bad"),
        ("git bisect start c7 c0\n", r"line 1: it begins with \w{12}, and BAD is \w{12}\n  .* name \w{12}\.\.\w{12}"),
        ("git bisect start c8 c1\n", r"line 1: \w{12} is good, and GOOD is \w{12}\n"),
        ("git bisect start\ngit bisect bad c8\n", "it has no good commit"),
        ("git bisect start\ngit bisect good c0\n", "it has no bad commit"),
    ],
)
def test_a_log_that_does_not_fit_is_told_with_its_line(fits: Fits, log: str, said: str) -> None:
    with pytest.raises(InputError, match=rf"^--replay .*bisect\.log.*{said}"):
        fits(log)


def test_further_good_commits_are_taken_also_such_as_are_not_below_bad(fits: Fits) -> None:
    assert fits("git bisect start c8 c0 c9\n") == (("good", "c9"),)


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    for name in ("missing", "."):
        with pytest.raises(InputError, match=r"^--replay "):
            replay.read(tmp_path / name)
    (tmp_path / "binary").write_bytes(b"git bisect start \xff\xfe\n")
    with pytest.raises(InputError, match=r"^--replay .*: it is no text"):
        replay.read(tmp_path / "binary")


LINES = st.sampled_from(["git bisect start", "git bisect good", "git-bisect bad", "# bad: [", "--", "'", "--term-old"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.lists(st.one_of(LINES, st.text(max_size=30))).map(" ".join) | st.text())
def test_whatever_stands_in_a_file_it_is_read_or_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bisect.log"
    file.write_text(text, errors="replace")
    with contextlib.suppress(InputError):
        assert isinstance(replay.read(file), Log)
