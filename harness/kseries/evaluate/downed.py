# SPDX-License-Identifier: GPL-2.0-only
"""Programs that bring base's machine down: each is a check that fails, on base and wherever it does the same.

A script may end init, a reproducer the kernel that a patch then mends. The others have run in boots of their own
(guest/isolation.py), so nothing else is lost, and such a machine did not die of a patch. One of our own probes is no
such program: it asks nothing that a kernel may die of. Pure functions.
"""

from collections.abc import Iterable, Set

from msgspec.structs import replace

from kseries.model import Ending, Gravity, Observation, Origin, Outcome, Probe

_ENDED = (Outcome.CRASHED, Outcome.TIMED_OUT)


def on_base(base: Observation, probes: Iterable[Probe]) -> frozenset[str]:
    """The programs that bring base down in each of its boots; none where it came through, or died otherwise, too."""
    theirs = {one.name for one in probes if one.origin is not Origin.OURS}
    return frozenset(base.ended_in) if base.outcome in _ENDED and theirs.issuperset(base.ended_in) else frozenset()


def shown(seen: Observation, base: Observation | None, down: Set[str]) -> Observation:
    """What a state came to, where it is but ``down`` that it died of, and as ``base`` does: as if that were no death.

    Its checks stay as they are: what it had answered until then counts, and what it no longer came to is missing.
    """
    if base is None or seen.outcome not in _ENDED or not seen.ended_in or not down >= {*seen.ended_in}:
        return seen
    if (seen.outcome, seen.ending) != (base.outcome, base.ending):
        return seen
    return replace(seen, outcome=Outcome.OK, ending=_survived(seen), detail="", log_tail="", trace=())


def _survived(seen: Observation) -> Ending:
    """How it ended apart from them: by what the kernel complained of while another ran."""
    other = {one.gravity for one in seen.complaints if (one.check or "").rpartition(".")[0] not in seen.ended_in}
    if Gravity.OOPS in other:
        return Ending.OOPS
    return Ending.WARNING if other else Ending.DONE
