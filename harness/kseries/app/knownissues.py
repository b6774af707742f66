# SPDX-License-Identifier: GPL-2.0-only
"""The known issues of a run, on what it has found: which evidence each covers, and what there is to tell of each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from kseries.host import alarm
from kseries.judge import knownissues
from kseries.model import Evidence, Finding, IssueNote, KnownIssue, StateResult

_SECONDS = 2.0
"""In which an issue has to be done with what was said: a pattern of many repeats may take for ever."""


class KnownIssues:
    """Issues, as they are applied on one day to what was seen of some states, by their ids."""

    def __init__(self, issues: Sequence[KnownIssue], today: date, seen: Mapping[str, StateResult]) -> None:
        self._issues = issues
        self._today = today
        self._seen = seen
        self._covers: list[dict[Evidence, bool]] = [{} for _ in issues]
        """By each piece of evidence that was looked at."""
        self._too_slow: set[int] = set()

    def mark(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """The findings, with the link of the first issue that covers each piece of evidence."""
        others = (more for finding in findings for one in finding.evidence for more in self._beside(finding, one))
        every = list(dict.fromkeys((*_evidence(findings), *others)))
        applied = [at for at, issue in enumerate(self._issues) if not self._has_ended(issue)]
        links: dict[Evidence, str] = {}
        for at in reversed(applied):
            links |= dict.fromkeys(self._covered(at, every), self._issues[at].link)
        return knownissues.marked(findings, links, self._beside)

    def _beside(self, finding: Finding, one: Evidence) -> Iterable[Evidence]:
        state = self._seen.get(finding.state)
        return knownissues.beside(one, self._seen["base"], state) if state is not None else ()

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
