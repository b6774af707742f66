# SPDX-License-Identifier: GPL-2.0-only
"""The known issues of a run, on what it has found: which evidence each covers, and what there is to tell of each."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from kseries.host import alarm
from kseries.judge import knownissues
from kseries.model import Evidence, Finding, IssueNote, KnownIssue

_SECONDS = 2.0
"""In which an issue has to be done with what was said: a pattern of many repeats may take for ever."""


class KnownIssues:
    """Issues, as they are applied on one day."""

    def __init__(self, issues: Sequence[KnownIssue], today: date) -> None:
        self._issues = issues
        self._today = today
        self._covers: list[dict[Evidence, bool]] = [{} for _ in issues]
        """By each piece of evidence that was looked at."""
        self._too_slow: set[int] = set()

    def mark(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """The findings, with the link of the first issue that covers each piece of evidence."""
        every = _evidence(findings)
        applied = [at for at, issue in enumerate(self._issues) if not self._has_ended(issue)]
        links: dict[Evidence, str] = {}
        for at in reversed(applied):
            links |= dict.fromkeys(self._covered(at, every), self._issues[at].link)
        return knownissues.marked(findings, links)

    def notes(self, findings: tuple[Finding, ...]) -> tuple[IssueNote, ...]:
        """What each came to, in their order."""
        every = _evidence(findings)
        return tuple(self._note(at, len(self._covered(at, every))) for at in range(len(self._issues)))

    def _note(self, at: int, covers: int) -> IssueNote:
        issue = self._issues[at]
        return IssueNote(
            check=issue.check,
            link=issue.link,
            said=issue.said,
            until=issue.until.isoformat() if issue.until is not None else "",
            covers=covers,
            ended=self._has_ended(issue),
            too_slow=at in self._too_slow,
        )

    def _has_ended(self, issue: KnownIssue) -> bool:
        return issue.until is not None and issue.until < self._today

    def _covered(self, at: int, every: Iterable[Evidence]) -> list[Evidence]:
        known, issue = self._covers[at], self._issues[at]
        try:
            with alarm.within(_SECONDS):
                for one in every:
                    if one not in known and at not in self._too_slow:
                        known[one] = knownissues.covers(issue, one)
        except TimeoutError:
            self._too_slow.add(at)
        return [one for one in every if known.get(one) and at not in self._too_slow]


def _evidence(findings: Iterable[Finding]) -> list[Evidence]:
    return list(dict.fromkeys(_plain(findings)))


def _plain(findings: Iterable[Finding]) -> Iterator[Evidence]:
    for finding in findings:
        yield from finding.evidence
