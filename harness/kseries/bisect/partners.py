# SPDX-License-Identifier: GPL-2.0-only
"""The partner of each revert that breaks what always worked: states between it and the tip, built until it is found."""

import dataclasses
import functools

import msgspec

from kseries.bisect.staterunner import StateRunner
from kseries.evaluate import stateresult
from kseries.judge import losses, partners
from kseries.judge.judgement import Judgement
from kseries.judge.losses import Symptom
from kseries.model import Finding, Record, StateResult

FOLDER = "search"
"""Where in a run's folder the logs of these states are."""


class Partners(Record, frozen=True):
    """The findings by their partners, and the states that were built to find those."""

    findings: tuple[Finding, ...]
    searched: tuple[StateResult, ...]


def find(judgement: Judgement, runner: StateRunner) -> Partners:
    """The partners of the findings of a run."""
    search = _Search(judgement, dataclasses.replace(runner, out=runner.out / FOLDER))
    findings = tuple(one for finding in judgement.findings for one in search.told(finding))
    return Partners(findings=findings, searched=tuple(search.seen.values()))


class _Search:
    """The searches of one run, and all that they have seen."""

    def __init__(self, judgement: Judgement, runner: StateRunner) -> None:
        self._states = judgement.by_id
        self._runner = runner
        self.seen: dict[str, StateResult] = {}

    def told(self, finding: Finding) -> tuple[Finding, ...]:
        """A finding as it stands, or the ones that it is by its partners."""
        if not partners.sought(finding):
            return (finding,)
        assert finding.patch is not None
        state = self._states[finding.state]
        base, tip = self._states["base"], self._states[f"prefix-{len(self._runner.patches)}"]
        symptoms = partners.of_finding(finding, base, tip, state)
        known: dict[Symptom, int] = self._halved(finding.patch, base, symptoms)
        of_each = {one: known.get(one) for one in symptoms}
        return tuple(partners.with_partners(finding, state, of_each, self._runner.patches))

    def _halved(self, patch: int, base: StateResult, symptoms: tuple[Symptom, ...]) -> dict[Symptom, int]:
        halving = partners.Halving(patch, len(self._runner.patches), symptoms)
        name = f"what needs patch {patch} of {self._runner.series.name}"
        runner = dataclasses.replace(self._runner, series=msgspec.structs.replace(self._runner.series, name=name))
        while (upto := halving.next()) is not None:
            state = runner.state(partners.state_id(upto, patch))
            result = runner.results(state)[state.id]
            self.seen[state.id] = stateresult.in_folder(result, FOLDER)
            halving.saw(upto, functools.partial(losses.shows, base=base, state=result))
        return halving.partners
