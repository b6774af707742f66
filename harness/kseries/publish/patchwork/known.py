# SPDX-License-Identifier: GPL-2.0-only
"""What the ledger has of the checks of a run: which were said, by which run, and which are worth a word."""

from kseries.model import AppliedPatch
from kseries.publish.ledger import Ledger, Source
from kseries.publish.patchwork.checks import Check
from kseries.publish.patchwork.records import State


class Known:
    """``project`` is the one that the user names; ``source`` is the run that is published."""

    def __init__(self, ledger: Ledger, project: str | None, source: Source) -> None:
        self._ledger = ledger
        self._project = project
        self._source = source

    def is_noted(self, patch: AppliedPatch, check: Check) -> bool:
        """Whether it was said last; where ours is the later run that says so, that is noted, too."""
        last = self._ledger.last(self._subject(patch, check))
        if last is None or last.said != _said(check):
            return False
        if self._source.is_later(last.source):
            self.note(patch, check)
        return True

    def note(self, patch: AppliedPatch, check: Check) -> None:
        """That it was said, and has arrived."""
        self._ledger.note(self._subject(patch, check), _said(check), self._source)

    def matters(self, patch: AppliedPatch, check: Check) -> bool:
        """Whether the server is to be asked because of it: nobody needs to hear that nothing is known."""
        last = self._ledger.last(self._subject(patch, check))
        return check.state is not None or (last is not None and last.said.startswith(State.PENDING))

    def is_overtaken(self, patch: AppliedPatch, check: Check) -> bool:
        """Whether a run that began later has said something else."""
        last = self._ledger.last(self._subject(patch, check))
        if last is None or last.said == _said(check) or not self.matters(patch, check):
            return False
        return last.source.is_later(self._source)

    def is_of_another_configuration(self, patch: AppliedPatch, check: Check) -> bool:
        """Whether a run of another configuration has said something by the same name."""
        last = self._ledger.last(self._subject(patch, check))
        return last is not None and last.source.is_of_another_configuration(self._source)

    def _subject(self, patch: AppliedPatch, check: Check) -> str:
        """A mail may be a patch in each of several projects: it is the project's, or the one whose number it has."""
        which = self._project or patch.patchwork or ""
        return f"{which} {patch.message_id} {check.context}"


def _said(check: Check) -> str:
    return f"{check.state or State.WARNING} {check.description}"
