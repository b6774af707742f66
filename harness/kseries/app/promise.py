# SPDX-License-Identifier: GPL-2.0-only
"""What a series promises, inferred from a run without contracts, for somebody to keep."""

from dataclasses import replace
from pathlib import Path

from kseries import inputs
from kseries.app import session
from kseries.app.options import Options
from kseries.inputs import contracts
from kseries.judge import drafts, promises
from kseries.judge.drafts import Drafts
from kseries.model import RunResult, events


def run(target: inputs.Target, options: Options, tell: events.Listener) -> RunResult:
    """A run that is asked no contract but those that the user names. Raises as session.run."""
    return session.run(target, replace(options, no_contracts=True), tell)


def drafted(result: RunResult, said: tuple[Path, ...] = ()) -> Drafts:
    """The contracts of what a finished run shows, but for what is ``said`` in some files. Raises InputError."""
    tip, asked = f"prefix-{len(result.series.patches)}", contracts.read(said)
    if count := promises.excess(result.states, tip):
        what = (
            f"it brings {count} parts of what a kernel shows, and {promises.MOST_PARTS} are the most that are looked at"
        )
        return Drafts(contracts=(), left=(what,))
    inferred = promises.infer(result.states, tip, promises.covered(asked))
    of_run = (one.id for state in result.states for one in state.contracts)
    taken = frozenset((*(one.id for one in (*contracts.ours(), *asked)), *of_run))
    return drafts.of(inferred, result.states, taken)
