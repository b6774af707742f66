# SPDX-License-Identifier: GPL-2.0-only
"""Eight patches of the tiny kernel to bisect, whose answers are known or have to be asked for."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from kseries.bisect import bisection
from kseries.bisect.answer import Answer, Question
from kseries.bisect.bisection import Bisected
from kseries.bisect.staterunner import StateRunner
from kseries.cache.store import Store
from kseries.model import Base, Outcome, Patch, Series, State, StateResult
from kseries.model.events import Event, StageStarted
from kseries.plan import scenarios
from tests.support.engines import engine as engine_for
from tests.support.engines import seen_of
from tests.support.judged import FAIL, FEATURE, ON, Seen, nothing
from tests.support.judged import result_of as result
from tests.support.kbuild import KERNEL, MAIN, SETUP, Kernel

PATCHES = 8
BAD = ON.but(other__works=FAIL)
UNBUILT = nothing(Outcome.BUILD_FAILED)
SEEN = {Answer.GOOD: ON, Answer.BAD: BAD, Answer.UNTESTABLE: UNBUILT}
AT_ALL = [Answer.GOOD] * (PATCHES + 1)


def text(last: int) -> str:
    """main.c after so many patches, each of which adds a line far from the others."""
    spare = "".join(f"int spare_{letter}%d;\n" for letter in "abcd")
    return MAIN + "".join(
        spare.replace("%d", str(number)) + (f"int patch_{number};\n" if number <= last else "")
        for number in range(1, PATCHES + 1)
    )


class Laid:
    """Eight patches of the tiny kernel on the runner; what each prefix answers is known from before, or not."""

    def __init__(self, kernel: Kernel, tmp_path: Path, *, as_commits: bool = True) -> None:
        self.repository = kernel.repository
        self.kernel = kernel
        texts = [text(last) for last in range(PATCHES + 1)]
        self.commits = [
            self.repository.commit(f"patch {number}", {**KERNEL, "main.c": text}) for number, text in enumerate(texts)
        ]
        self.store = Store(tmp_path / "results")
        self.builds: list[str] = []
        self.place = tmp_path
        patches = tuple(
            Patch(number=number, subject=f"patch {number}", origin="x", commit=commit)
            for number, commit in enumerate(self.commits[1:], 1)
        )
        series = Series(name="series", version=1, patches=patches)
        base = Base(name="base", version="6", tree=kernel.store.tree_of(self.commits[0]))
        applied = scenarios.apply_all(series, base, kernel.store)
        if not as_commits:
            bare = tuple(msgspec.structs.replace(patch, commit=None) for patch in patches)
            series = msgspec.structs.replace(series, patches=bare)
        (tmp_path / "out").mkdir()
        self.runner = StateRunner(
            series=series,
            patches=applied,
            base=base,
            repository=str(self.repository.path),
            trees=kernel.store,
            setup=SETUP,
            engine=engine_for(SETUP, (kernel.worker,), self.store, self._heard),
            jobs=2,
            contracts=(FEATURE,),
            out=tmp_path / "out",
            onto=None,
            builds=self.builds,
        )

    def _heard(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            self.builds.append(event.state)

    def know(self, answers: Sequence[Answer | None]) -> None:
        """Put results into the store: base first; None for what nobody knows yet."""
        for number in range(1, PATCHES + 1):
            tree = self.runner.state(f"without-{number}").tree
            if tree is not None:
                self.put(tree, ON)
        for number, answer in enumerate(answers):  # without-8 is prefix-7
            if answer is not None:
                self.put(self.kernel.store.tree_of(self.commits[number]), SEEN[answer])

    def put(self, tree: str, seen: Seen) -> None:
        state = State(id="known", scenario="prefixes", applied=(), tree=tree)
        known: StateResult = result(state, seen)
        for key in (SETUP.key(tree), SETUP.key(tree, "base")):
            self.store.put(key, seen_of(known), self.place)

    def run(self, question: Question | None = None) -> Bisected:
        return bisection.run(self.runner, question or Question(), lambda _: None)

    def git_itself(self, answers: Sequence[Answer]) -> tuple[str, int]:
        """What plain git bisect run says, and how many commits it asked about."""
        status = {Answer.GOOD: 0, Answer.BAD: 1, Answer.UNTESTABLE: 125}
        table = {commit: status[answer] for commit, answer in zip(self.commits, answers, strict=True)}
        script = self.place / "judge.py"
        script.write_text(
            "import subprocess, sys\n"
            "head = subprocess.check_output(['git', 'rev-parse', 'BISECT_HEAD'], text=True).strip()\n"
            f"open({str(self.place / 'asked')!r}, 'a').write(head + '\\n')\n"
            f"sys.exit({table!r}[head])\n"
        )
        self.repository.git("bisect", "start", "--no-checkout", self.commits[-1], self.commits[0])
        done = self.repository.run("bisect", "run", *shlex.split(f"{sys.executable} {script}"))
        self.repository.git("bisect", "reset")
        asked = (self.place / "asked").read_text().split()
        return done.stdout.decode(), len(asked)


def broken_from(first: int) -> list[Answer]:
    return [Answer.GOOD] * first + [Answer.BAD] * (PATCHES + 1 - first)
