# SPDX-License-Identifier: GPL-2.0-only
"""The first bad commit of a history whose kernels answer now so, now so: with which probability it is which.

What is asked next follows from what was answered so far, and from nothing else. To go on with a search, tell a new one
what the earlier one was told.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum

from kseries.bisect import ancestry, ends
from kseries.bisect.ancestry import Commits
from kseries.bisect.asking import Answers, Asker
from kseries.bisect.choice import Costs, Field, choose
from kseries.bisect.ends import Ends
from kseries.bisect.posterior import Posterior
from kseries.bisect.rates import Counts, Estimate, Rates
from kseries.judge import evidence
from kseries.model import Record
from kseries.model.errors import InputError
from kseries.model.lineage import Lineage

_SHOWN = 0.999
"""The suspects that are told are together as likely as this, or as it was asked that they be."""


class Ending(StrEnum):
    """Why a search ended."""

    FOUND = "found"
    """One commit is as likely as was asked for."""
    INSEPARABLE = "inseparable"
    """Several are together, and nothing that can be tested tells them from each other."""
    SPENT = "spent"
    """No more boots were allowed: nothing is proved."""


class Settings(Record, frozen=True):
    """How a search is led. ``boots`` is how many it may take."""

    confidence: float = 0.99
    boots: int = 1000
    ends: Ends = Ends()
    costs: Costs = Costs()
    rates: Rates = Rates()


class Wanted(Record, frozen=True):
    """What is to be asked next."""

    commit: str
    boots: int


class Asked(Record, frozen=True):
    """One question, and its answer."""

    commit: str
    answers: Answers


class Suspect(Record, frozen=True):
    """A commit, and how likely it is the first bad one."""

    commit: str
    probability: float


class Searched(Record, frozen=True):
    """What a search came to.

    ``blamed`` is the first bad commit or, where the end is another, all that are to be suspected. ``suspects`` are the
    likeliest first, but for what is hardly likely at all. ``bad_passes`` is how often a bad kernel passes a boot.
    """

    end: Ending
    blamed: tuple[str, ...]
    suspects: tuple[Suspect, ...]
    bad_passes: Estimate
    asked: tuple[Asked, ...]
    boots: int


class Search:
    """A search for the first bad commit of a lineage. ``weights`` say how likely each commit is before any is asked.

    Raises InputError where all weights are 0, which is that of a commit that cannot be the one.
    """

    def __init__(
        self, lineage: Lineage, good: str, settings: Settings | None = None, weights: Sequence[float] = ()
    ) -> None:
        self.settings = settings or Settings()
        self._lineage = lineage
        self._commits = (*lineage.commits, good)
        self._places = {commit: place for place, commit in enumerate(self._commits)}
        # GOOD has none of the suspects below it.
        self._below: tuple[Commits, ...] = (*ancestry.below(lineage), 0)
        self._good, self._bad = len(lineage.commits), len(lineage.commits) - 1
        self._posterior = Posterior.prior(self.settings.rates, weights or (1.0,) * len(lineage.commits))
        if not self._posterior.suspects:
            raise InputError(
                "no commit between GOOD and BAD can make a difference to this kernel\n"
                "  ask of another range, or of another configuration"
            )
        self._counts = [Counts()] * len(self._commits)
        self._lost = [0] * len(self._commits)
        """How often each was asked and gave no answer."""
        self._untestable: set[int] = set()
        self._same: dict[int, int] = {}
        self._together: tuple[Commits, ...] = ()
        self._asked: list[Asked] = []

    def learn(self, commit: str, answers: Answers) -> None:
        """What a kernel answered. Raises InputError where it is of none of these commits, or contradicts itself."""
        place = self._place(commit)
        self._asked.append(Asked(commit=commit, answers=answers))
        if answers.same is not None:
            self._learn_same(place, self._place(answers.same))
        elif answers.testable:
            booted = Counts(answers.passed, answers.failed)
            self._counts[place] = self._counts[place].plus(booted)
            self._posterior = self._posterior.after(self._below[place], booted)
        else:
            self._lost[place] += 1
            # A kernel that has answered may not come up now and then.
            if self._lost[place] > sum(self._counts[place]):
                self._skip(place)

    def _place(self, commit: str) -> int:
        if commit not in self._places:
            raise InputError(
                f"{commit[:12]} is not between GOOD and BAD\n  begin afresh: the history is not what it was"
            )
        return self._places[commit]

    def _learn_same(self, place: int, other: int) -> None:
        """Two kernels are one: none of the commits that only one of them has makes a difference."""
        self._posterior = self._posterior.without(self._below[place] ^ self._below[other])
        if not self._posterior.suspects:
            raise self._no_suspect(place, other)
        other = self._same.get(other, other)
        if place != other:
            self._same[place] = other
        if other in self._untestable:
            self._skip(other)

    def _no_suspect(self, place: int, other: int) -> InputError:
        same = f"{self._commits[place][:12]} is the same kernel as {self._commits[other][:12]}"
        if {place, other} == {self._good, self._bad}:
            return InputError(
                f"{same}, one of them good and one bad\n"
                "  what differs is not in the kernel: look at the check, or at what it needs"
            )
        return InputError(
            f"{same}, and no commit is left to be the first bad one: what breaks it was taken back, and came again\n"
            "  name a GOOD between the two, or a BAD before it was taken back"
        )

    def _skip(self, place: int) -> None:
        """A kernel cannot be tested, and with it all commits that it is the kernel of."""
        self._untestable |= {place, *(same for same, other in self._same.items() if other == place)}
        inside = self._untestable - {self._good}
        self._together = ancestry.inseparable(self._lineage, self._below, inside)

    def next(self) -> Wanted | None:
        """What to ask now; None at the end. Raises InputError where BAD is not bad, or GOOD not good."""
        if wanted := self._of_ends():
            return wanted
        if self._leading() or self._boots >= self.settings.boots:
            return None
        place = choose(self._posterior, self._field(), self.settings.costs)
        return Wanted(commit=self._commits[place], boots=1) if place is not None else None

    def _field(self) -> Field:
        return Field(
            below=self._below,
            built=self._built,
            tested={place for place, counts in enumerate(self._counts) if sum(counts)},
            untestable=self._untestable - {self._good},
            closed=self._untestable | self._same.keys(),
        )

    def _of_ends(self) -> Wanted | None:
        """What BAD and GOOD are still to be asked."""
        if self._bad in self._untestable:
            raise InputError(f"BAD cannot be tested: {self._why(self._bad)}\n  name another commit that fails")
        bad, good = (self._same.get(place, place) for place in (self._bad, self._good))
        of_bad, of_good = self._counts[bad], self._counts[good]
        if boots := ends.more_of_bad(self.settings.ends, of_bad):
            return Wanted(commit=self._commits[bad], boots=boots)
        if self._good in self._untestable:  # who names it says that it is good
            return None
        boots = ends.more_of_good(self.settings.ends, of_bad, of_good, self.settings.rates)
        return Wanted(commit=self._commits[good], boots=boots) if boots else None

    def _why(self, place: int) -> str:
        why = next((one.answers.why for one in reversed(self._asked) if one.commit == self._commits[place]), ())
        return evidence.line(why[0]) if why else "it did not boot"

    @property
    def _boots(self) -> int:
        return sum(sum(counts) for counts in self._counts)

    @property
    def _built(self) -> int | None:
        """The place of the kernel that was booted last."""
        booted = (one.commit for one in reversed(self._asked) if one.answers.testable and one.answers.same is None)
        return self._places.get(next(booted, ""))

    def _leading(self) -> Commits:
        """One commit that is likely enough, or else several that nobody can part; none if there are none yet."""
        first = self._posterior.alike[0]
        if first.each >= self.settings.confidence:
            return first.commits & -first.commits
        for commits in self._together:
            if self._posterior.probability(commits) >= self.settings.confidence:
                return commits & self._posterior.suspects
        return 0

    def result(self) -> Searched:
        """What is known by now."""
        leading = self._leading()
        least = max(self.settings.confidence, _SHOWN)
        suspects = self._likeliest(least)
        if leading:
            blamed = tuple(one.commit for one in self._likeliest(1.0, leading))
            end = Ending.FOUND if len(blamed) == 1 else Ending.INSEPARABLE
        else:
            blamed = tuple(one.commit for one in self._likeliest(self.settings.confidence))
            end = Ending.SPENT if self._boots >= self.settings.boots else Ending.INSEPARABLE
        return Searched(
            end=end,
            blamed=blamed,
            suspects=suspects,
            bad_passes=self._posterior.bad_passes,
            asked=tuple(self._asked),
            boots=self._boots,
        )

    def _likeliest(self, share: float, among: Commits = -1) -> tuple[Suspect, ...]:
        """The fewest suspects among some commits that are together so likely."""
        found: list[Suspect] = []
        reached = 0.0
        for one in self._posterior.alike:
            for place in ancestry.places(one.commits & among):
                if reached >= share:
                    return tuple(found)
                found.append(Suspect(commit=self._commits[place], probability=one.each))
                reached += one.each
        return tuple(found)


def run(search: Search, asker: Asker, tell: Callable[[Asked], None]) -> Searched:
    """Ask until it is known which commit it is, or that it cannot be. ``tell`` hears of each answer.

    Raises InputError where BAD is not bad or GOOD not good, and what the asker raises.
    """
    while (wanted := search.next()) is not None:
        answers = asker.ask(wanted.commit, wanted.boots)
        search.learn(wanted.commit, answers)
        tell(Asked(commit=wanted.commit, answers=answers))
    return search.result()
