# SPDX-License-Identifier: GPL-2.0-only
"""A history whose commits answer from a table: to kseries, and to a git bisect run in the same repository."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from kseries.bisect import bisection, history
from kseries.bisect.answer import Answer, Question, Tried
from kseries.bisect.commits import Commits
from kseries.bisect.history import Asks, BisectedHistory, CommitStep
from kseries.bisect.replay import Log
from kseries.bisect.staterunner import StateRunner
from kseries.evaluate import stateresult
from kseries.model import Base, Evidence, EvidenceKind, Outcome, State, Status
from kseries.model.lineage import Range
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository

_NO = Evidence(kind=EvidenceKind.CHECK, name="a.check", status=Status.FAIL, said="no")
_FOUND = b" is the first bad commit"
WORDS = {Answer.GOOD: 0, Answer.BAD: 1, Answer.UNTESTABLE: 125}


@dataclass
class Judge:
    """Stands in for a StateRunner. What is not in the table is good; reverts are, too."""

    history: Commits
    trees: TreeStore
    out: Path
    answers: Mapping[str, Answer]
    asked: list[str] = field(default_factory=list)
    builds: list[str] = field(default_factory=list)

    def state(self, name: str) -> State:
        return self.history.find(name)

    def ask(self, _: Question, state: State) -> Tried:
        self.asked.append(state.id)
        answer = self.answers.get(state.id, Answer.GOOD)
        why = () if answer is Answer.GOOD else (_NO,)
        return Tried(answer=answer, why=why, result=stateresult.bare(state, outcome=Outcome.OK, detail=""))


@dataclass
class Told:
    """What a bisection over history came to, and what it said on its way."""

    found: BisectedHistory | None
    events: list[Asks | CommitStep]
    logs: list[str]

    @property
    def steps(self) -> list[str]:
        """What git asked for, between the two ends."""
        return [one.asks.commit.id for one in self.events if isinstance(one, CommitStep)][2:]


def bisect(
    theirs: Repository,
    wanted: Range,
    answers: Mapping[str, Answer],
    place: Path,
    log: Log | None = None,
    *,
    top: Path | None = None,
) -> Told:
    """kseries bisect with a table as the judge, by whole ids; ``place`` is a folder of its own. Raises InputError."""
    trees = TreeStore(place / "trees.git")
    trees.add_repository(top or theirs.path)
    base = Base(name="base", version="6", tree=theirs.tree(wanted.good))
    short = {commit[:12]: answer for commit, answer in answers.items()}
    commits = Commits(top or theirs.path, wanted, base, trees)
    judge = Judge(commits, trees, place, short | {"base": answers.get(wanted.good, Answer.GOOD)})
    told = Told(None, [], [])
    asked = (cast(StateRunner, judge), Question(), told.events.append, told.logs.append)
    told.found = history.run(*asked, log, revert=False)
    return told


@dataclass
class Git:
    """What git bisect run came to by itself."""

    asked: list[str]
    said: str
    suspects: frozenset[str]


def git_itself(theirs: Repository, wanted: Range, answers: Mapping[str, Answer], place: Path) -> Git:
    """git bisect in the repository itself, with the same table: as git bisect run where there are no paths.

    git 2.39 runs all steps in one process, in which what a merge was simplified to for the commits of one step counts
    in the next one, too. So with paths it may ask of other commits than step by step, which is what they mean.
    """
    first = ["--first-parent"] if wanted.first_parent else []
    paths = ["--", *wanted.paths] if wanted.paths else []
    start = theirs.run("bisect", "start", "--no-checkout", *first, wanted.bad, wanted.good, *paths)
    said = start.stdout + start.stderr
    asked: list[str] = []
    if start.returncode == 0 and _FOUND not in said:
        asked, more = (_by_steps if paths else _by_run)(theirs, answers, place)
        said += more
    theirs.run("bisect", "reset")
    text = said.decode(errors="replace")
    return Git(asked, text, _suspects(text))


def _by_steps(theirs: Repository, answers: Mapping[str, Answer], _: Path) -> tuple[list[str], bytes]:
    asked: list[str] = []
    said = b""
    while True:
        asked.append(theirs.git("rev-parse", "BISECT_HEAD"))
        done = theirs.run("bisect", bisection.WORDS[answers.get(asked[-1], Answer.GOOD)])
        said += done.stdout + done.stderr
        if done.returncode != 0 or _FOUND in done.stdout:
            return asked, said


def _by_run(theirs: Repository, answers: Mapping[str, Answer], place: Path) -> tuple[list[str], bytes]:
    place.mkdir(parents=True, exist_ok=True)
    asked = place / "asked"
    asked.write_text("")
    table = {commit: WORDS[answer] for commit, answer in answers.items()}
    script = place / "judge.py"
    script.write_text(
        "import json, pathlib, sys\n"
        f"head = pathlib.Path({str(theirs.path / '.git' / 'BISECT_HEAD')!r}).read_text().strip()\n"
        f"open({str(asked)!r}, 'a').write(head + '\\n')\n"
        f"sys.exit(json.loads({json.dumps(table)!r}).get(head, 0))\n"
    )
    run = theirs.run("bisect", "run", sys.executable, "-S", str(script))
    return asked.read_text().split(), run.stdout + run.stderr


def _suspects(said: str) -> frozenset[str]:
    rows = [row.strip() for row in said.splitlines()]
    found = [row.split()[0] for row in rows if row.endswith(" is the first bad commit")]
    if not found and "The first bad commit could be any of:" in rows:
        after = rows[rows.index("The first bad commit could be any of:") :]
        found = [row for row in after if len(row) == 40 and set(row) <= {*"0123456789abcdef"}]
    return frozenset(found)
