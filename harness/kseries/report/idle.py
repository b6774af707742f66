# SPDX-License-Identifier: GPL-2.0-only
"""Checks that say nothing of a run: they skip for one reason in every state. Told in a line, or folded."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from kseries.model import Check, RunResult, Status
from kseries.model.sanitize import line, shortened
from kseries.report.evidence import by_place

_FEW = 4
"""Probes that the line names."""
_REASON = 200
"""Characters of the reason that it has room for."""


@dataclass(frozen=True)
class Idle:
    """The checks that skip everywhere, each as any of the states has it."""

    checks: tuple[Check, ...]

    @property
    def names(self) -> frozenset[str]:
        """Their ids."""
        return frozenset(check.id for check in self.checks)

    @property
    def summary(self) -> str:
        """How many, of which probes, and why: the one reason, or the commonest."""
        count, why = len(self.checks), Counter(check.gist for check in self.checks)
        reason, times = why.most_common(1)[0]
        others = f" ({times} of them; {len(why) - 1} other reason{'s' * (len(why) > 2)})" if len(why) > 1 else ""
        checks = f"{count} check{'s' * (count != 1)} of {self._probes()} skip{'s' * (count == 1)} everywhere"
        return f"{checks}: {shortened(line(reason), _REASON)}{others}" if reason else f"{checks}{others}"

    def _probes(self) -> str:
        names = list(dict.fromkeys(line(check.id.rpartition(".")[0]) for check in self.checks))
        more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
        return ", ".join(names[:_FEW]) + more


def idle(run: RunResult) -> Idle | None:
    """The checks of a run that say nothing; None where there are none.

    What differs anywhere says something: a status, a reason, a check that one state has not come to and another has.
    So does all that explains a finding, and all that a contract of the tip asks for and nobody has tried.
    """
    states = [state for state in run.states if not (state.outcome.loud or state.outcome.unknown)]
    cited = {*(name for _, name in by_place(run)), *_of_contracts(run)}
    names = [check.id for check in states[0].checks if check.id not in cited] if states else []
    seen = [{check.id: check for check in state.checks} for state in states]
    found = tuple(seen[0][name] for name in names if _alike([one.get(name) for one in seen]))
    return Idle(found) if found else None


def _alike(found: list[Check | None]) -> bool:
    """Whether a check skips for one reason wherever any check came."""
    first = found[0]
    return first is not None and all(
        one is not None and one.status is Status.SKIP and one.gist == first.gist for one in found
    )


def _of_contracts(run: RunResult) -> Iterator[str]:
    """The checks that the contract of a finding fails by, or that are told as untested."""
    told = {finding.contract for finding in run.findings}
    for state in run.states:
        for contract in state.contracts:
            yield from contract.untested
            yield from contract.failed if contract.id in told else ()
