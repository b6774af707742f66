# SPDX-License-Identifier: GPL-2.0-only
"""What somebody wants of a watch: where series come from, which of them, on which trees, and how they are judged."""

from dataclasses import dataclass
from pathlib import Path

from kseries.app.options import Options
from kseries.watch.choosing import Picks
from kseries.watch.publishing import Publisher
from kseries.watch.sources import Source


@dataclass(frozen=True)
class Order:
    """Times are in seconds."""

    queue: Path
    """The folder of the queue, and of what becomes of its series."""
    sources: tuple[Source, ...]
    trees: tuple[str, ...]
    picks: Picks
    options: Options
    """What all runs have."""
    words: tuple[str, ...]
    """The same as they were typed."""
    quick_words: tuple[str, ...]
    """Those of them that say something of a kernel that is only built."""
    page: Path
    publisher: Publisher
    budget: str | None = None
    """For the whole answer, as kseries run takes it."""
    patience: float = 3600.0
    """For how long mails of a series are waited for that did not come yet."""
    since: float | None = 14 * 86400.0
    """What was posted longer ago is passed over."""
    look: float = 60.0
    """Between two looks at the sources while a run is under way."""
