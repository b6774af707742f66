# SPDX-License-Identifier: GPL-2.0-only
"""A watch whose runs are stood in for: each is noted, and has a result as somebody wants it to be."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from kseries.app import rundir
from kseries.app.options import Options
from kseries.model import RunResult, Verdict
from kseries.watch import children
from kseries.watch.choosing import Picks
from kseries.watch.item import Item
from kseries.watch.order import Order
from kseries.watch.publishing import Publisher
from kseries.watch.sources import Source
from kseries.watch.work import Watcher
from tests.support import runs

SAFE = Verdict(bisectable=True, revert_safe=True)
UNSAFE = Verdict(bisectable=True, revert_safe=False)


@dataclass
class Runs:
    """What stands in for children.run()."""

    argvs: list[list[str]] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    """By what a word of its command line ends with, how a run ends that is no 0."""
    meanwhile: Callable[[list[str]], None] = lambda _: None
    speechless: bool = False
    """Whether runs end without a result."""
    result: Callable[[], RunResult] = lambda: msgspec.structs.replace(
        runs.run(runs.state("base"), runs.state("prefix-1", 1)), verdict=SAFE
    )

    def __call__(self, argv: list[str], log: Path, wanted: Callable[[], bool]) -> int:
        self.argvs.append(argv)
        self.meanwhile(argv)
        if not wanted():
            raise children.StoppedError
        status = next((end for word, end in self.statuses.items() if any(one.endswith(word) for one in argv)), 0)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"kseries: it ended with {status}\n  so it did\n")
        if "--out" in argv and status in (0, 1) and not self.speechless:
            out = Path(argv[argv.index("--out") + 1])
            rundir.create(out)
            rundir.write(out, self.result())
            (out / "report.html").write_text("<p>a report</p>")
        return status

    @property
    def judged(self) -> list[str]:
        """The series that were run, each as often as it was and without its number: "QUICK SERIES"."""
        begun = (argv[argv.index("run") + 1 :] for argv in self.argvs if "run" in argv)
        return [f"{Path(words[words.index('--out') + 1]).name} {Path(words[0]).name[5:]}" for words in begun]

    @property
    def published(self) -> list[str]:
        """What was published, and to where."""
        asked = (argv[argv.index("publish") + 1 :] for argv in self.argvs if "publish" in argv)
        return [f"{'/'.join(Path(words[0]).parts[-2:])} {' '.join(words[1:])}" for words in asked]


class Time:
    """A clock that nobody but the test moves; ``monotonic`` is not set back with it."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.monotonic = 0.0

    def pass_(self, seconds: float) -> None:
        self.now += seconds
        self.monotonic += seconds


class Watch:
    """A watch in a folder. Who begins it again has a new process, as it were."""

    def __init__(self, place: Path, source: Source, *trees: Path, picks: Picks | None = None, **more: Any) -> None:
        self.runs = Runs()
        self.time = Time()
        self.told: list[str] = []
        order = Order(
            queue=place / "queue",
            sources=(source,),
            trees=tuple(map(str, trees)),
            picks=picks or Picks(),
            options=Options(out=place),
            words=(),
            quick_words=(),
            page=place / "page",
            publisher=Publisher(),
            since=None,
        )
        self.order = replace(order, **more)
        (place / "queue").mkdir(parents=True, exist_ok=True)
        self.begin()

    def begin(self) -> None:
        self.watcher = Watcher(
            self.order,
            self.told.append,
            clock=lambda: self.time.monotonic,
            now=lambda: self.time.now,
            run=self.runs,
        )
        self.watcher.begin()

    def round(self) -> list[str]:
        """What is run in a round."""
        before = len(self.runs.judged)
        self.watcher.round()
        return self.runs.judged[before:]

    @property
    def items(self) -> list[Item]:
        return list(self.watcher.queue.items.values())

    @property
    def stages(self) -> dict[str, str]:
        """Of each series its stage."""
        return {f"{one.subject} v{one.version}": str(one.stage) for one in self.items}

    @property
    def page(self) -> dict[str, bytes]:
        """The files of the page."""
        place = self.order.page
        return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}
