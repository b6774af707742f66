# SPDX-License-Identifier: GPL-2.0-only
"""What BAD and GOOD have to answer before anything between them is worth a boot. Pure functions."""

import math

from kseries.bisect.rates import Counts, Rates
from kseries.model import Record
from kseries.model.errors import InputError

_GOOD_IS_BAD = 0.05
"""How likely it is, before anything is booted, that what is called GOOD is not."""
_SURE = 0.99
_SHARE = 15
"""Of this many boots that a search may take, BAD gets one to show that it fails."""


class Ends(Record, frozen=True):
    """How often BAD and GOOD are booted first, and after how many boots of one it is said that it is not what it is
    called.
    """

    bad: int = 3
    good: int = 1
    most: int = 20

    @classmethod
    def within(cls, boots: int) -> "Ends":
        """Those of a search that may take so many boots: what fails seldom is found by who allows more of them."""
        usual = cls()
        return cls(most=max(usual.bad, min(boots, max(usual.most, boots // _SHARE))))


def more_of_bad(ends: Ends, bad: Counts) -> int:
    """How many more boots of BAD are wanted. Raises InputError where it never failed."""
    boots = sum(bad)
    if bad.failed:
        return max(ends.bad - boots, 0)
    if boots >= ends.most:
        raise InputError(
            f"BAD passed {bad.passed} of {boots} boots\n"
            "  name a commit that fails, or a check that it fails; or, if it fails seldom, allow more --boots"
        )
    return ends.bad - boots if boots < ends.bad else 1


def more_of_good(ends: Ends, bad: Counts, good: Counts, rates: Rates) -> int:
    """How many more boots of GOOD are wanted: one that failed may have done so by chance.

    Raises InputError where it is likelier that it fails as BAD does.
    """
    boots = sum(good)
    if boots < ends.good:
        return ends.good - boots
    doubt = _doubt(bad, good, rates) if good.failed else 0.0
    if doubt > _SURE or (boots >= ends.most and doubt > 0.5):
        raise InputError(
            f"GOOD failed {good.failed} of {boots} boots, BAD {bad.failed} of {sum(bad)}\n"
            "  name an older commit as GOOD, or a check that it passes"
        )
    return 1 if doubt > 1 - _SURE and boots < ends.most else 0


def _doubt(bad: Counts, good: Counts, rates: Rates) -> float:
    """How likely GOOD is a bad kernel."""
    as_bad = rates.log_evidence(bad.plus(good), Counts()) + math.log(_GOOD_IS_BAD)
    as_good = rates.log_evidence(bad, good) + math.log1p(-_GOOD_IS_BAD)
    return 1 / (1 + math.exp(min(as_good - as_bad, 700.0)))
