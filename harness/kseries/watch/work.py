# SPDX-License-Identifier: GPL-2.0-only
"""What a watch does: look for mails, judge the series that is next, publish and show what came of it, and so on.

Whatever it does is noted in the queue before and after, so that one that is killed goes on where it was.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from kseries.app import premises
from kseries.host import paths
from kseries.model import events
from kseries.model.errors import InfraError, InputError, KseriesError
from kseries.model.sanitize import line, shortened
from kseries.sources import TreeStore
from kseries.watch import children, page, prerequisites
from kseries.watch.bases import NoBaseError, NotOursError, Trees
from kseries.watch.children import Run
from kseries.watch.folder import Folder
from kseries.watch.item import Answer, Item, Stage
from kseries.watch.judging import Judging
from kseries.watch.order import Order
from kseries.watch.queue import Queue

_MOST_IDLE = 2
"""How many sittings may add nothing to an answer whose budget was used up."""
MOST_TRIES = 3
"""How often a series is tried that this host failed at; the next watch tries it once more."""
_AGAIN_SECONDS = 600.0
"""For how long one is left alone then, once more for each time."""
_TREES = "trees"
"""Beside the positions of sources, what the trees were when bases were looked for."""
_TOLD = 3
"""Mails of a batch whose faults are told one by one."""
_SAID = 1000
_PUT_BACK = "its budget is used up: it is gone on with behind the others"
_ENDS: dict[type[Exception], Stage] = {
    NotOursError: Stage.NOT_OURS,
    NoBaseError: Stage.NO_BASE,
}
"""Where a series ends that cannot be judged for want of something; any other has failed."""


class Watcher:
    """One watch. ``clock`` is monotonic, ``now`` tells the time; ``tell`` hears what there is to say in a line."""

    def __init__(
        self,
        order: Order,
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        run: Run = children.run,
    ) -> None:
        self._order = order
        self._tell = tell
        self._clock = clock
        self._now = now
        self._run = run
        self._looked = clock()
        self.queue = Queue(order.queue, tell)
        self._away: set[str] = set()
        """Where nothing could be published in this round: whoever is asked next would wait as long."""
        self._unpublished: Counter[int] = Counter()
        """How often that befell a series: others come before it."""
        self.failed = False
        """Whether something could not be read, judged or published since this began."""

    def begin(self) -> None:
        """Have the queue as it is, by what is asked for now. Raises InputError for what is no kernel tree."""
        with premises.at_work(events.unheard), premises.room():
            self._trees().check()
        self.queue.change(lambda entry: entry.choose_again(), self._order.picks, self._now())
        for item in list(self.queue.items.values()):
            if item.stage is Stage.FAILED and item.tries:  # this host did, which may be mended by now
                self.queue.put(msgspec.structs.replace(item, stage=Stage.NEW))

    def round(self) -> None:
        """Look for what is new, and work until nothing is left to be done now."""
        self._away.clear()
        self._look_at_trees()
        self.look()
        while (item := self._next()) is not None:
            self._judge(item)
        self._publish_left()
        self.show()

    def _look_at_trees(self) -> None:
        """Have what had no base looked at again, where a tree has got something since."""
        now = self._trees().print_of()
        if self.queue.position(_TREES) != now:
            self.queue.change(lambda entry: entry.find_bases_again(), self._order.picks, self._now())
            self.queue.put_position(_TREES, now)

    def _trees(self) -> Trees:
        return Trees(self._order.trees, TreeStore(paths.cache("trees.git")), events.unheard)

    # --- what came --------------------------------------------------------------------------

    def look(self) -> None:
        """Take what the sources have; one that cannot be read is told, and the others are."""
        since = self._now() - self._order.since if self._order.since is not None else None
        for source in self._order.sources:
            try:
                for batch in source.new(self.queue.position(source.name), since):
                    self._tell_few(self.queue.take(source.name, batch, self._order.picks, self._now(), since))
            except KseriesError as error:
                self.failed = True
                self._tell(str(error))
        self.queue.change(lambda entry: entry.expire(self._order.patience), self._order.picks, self._now())
        self._looked = self._clock()
        self.show()

    def _tell_few(self, told: Sequence[str]) -> None:
        for words in told[:_TOLD]:
            self._tell(f"passed over: {words}")
        if len(told) > _TOLD:
            self._tell(f"passed over: {len(told) - _TOLD} mails more")

    # --- which is next ----------------------------------------------------------------------

    def _next(self) -> Item | None:
        """The one that was begun, or else became whole first; what it is made on top of before it."""
        at_work = [item for item in self.queue.items.values() if item.stage.at_work and self._is_due(item)]
        for item in sorted(at_work, key=lambda one: (one.stage is Stage.NEW or _is_put_back(one), one.order)):
            if (first := self._first(item)) is not None:
                return first
        return None

    def _first(self, item: Item) -> Item | None:
        """What is to be judged before a series, or itself; None where that waits for mails."""
        seen = {item.number}
        for _ in range(prerequisites.LEVELS):
            below = next((one for one in self._needs(item) if self._is_before(one, seen)), None)
            if below is None or below.stage is Stage.WAITING:
                return item if below is None else None
            seen.add(below.number)
            item = below
        return item

    def _needs(self, item: Item) -> list[Item]:
        numbers = self.queue.ask(lambda database: prerequisites.needs(database, self.queue.items, item))
        return [self.queue.items[number] for number in numbers]

    def _is_before(self, one: Item, seen: set[int]) -> bool:
        """Whether one that another is made on top of is waited for, or judged first."""
        return one.stage is Stage.WAITING or (one.stage.at_work and self._is_due(one) and one.number not in seen)

    def _is_due(self, item: Item) -> bool:
        """Whether one that this host failed at is tried again by now; at once, where the clock was set back."""
        since = self._now() - item.failed
        return not item.tries or since < 0 or since >= item.tries * _AGAIN_SECONDS

    # --- what is done with it ---------------------------------------------------------------

    def _judge(self, item: Item) -> None:
        """Judge a series, and note how that ended."""
        name = _called(item)
        self._tell(f"{name}: begun")
        work = Judging(
            self._order,
            self.queue,
            self._run,
            self._is_wanted,
            self._answered,
            lambda words: self._tell(f"{name}: {words}"),
        )
        try:
            try:
                self._note(work, work.judge(item), item.full)
            except (NotOursError, NoBaseError, InputError) as error:
                work.put(item, stage=_ENDS.get(type(error), Stage.FAILED), told=_said(error), tries=0)
                self._tell(f"{name}: {error}")
            except InfraError as error:
                self._try_again(work, item, error)
        except children.StoppedError:
            self._tell(f"{name}: given up: {self.queue.items[item.number].told}")
        self.show()

    def _note(self, work: Judging, item: Item, before: Answer | None) -> None:
        """Note an answer; one that its budget did not suffice for is gone on with, behind the others."""
        answer = item.answer
        self._tell(f"{_called(item)}: {answer.headline if answer is not None else ''}")
        left = answer.unfinished if answer is not None else ()
        idle = item.idle + 1 if before is not None and before.unfinished == left else 0
        if not left or idle >= _MOST_IDLE:
            work.put(item, stage=Stage.DONE, told="", tries=0, idle=0)
            return
        last = max(one.order for one in self.queue.items.values())
        work.put(item, told=_PUT_BACK, tries=0, idle=idle, order=last + 1)

    def _try_again(self, work: Judging, item: Item, error: InfraError) -> None:
        """Note that this host failed; it is tried again later, but not for ever."""
        self.failed = True
        tries = item.tries + 1
        told = f"tried {tries} time{'s' * (tries > 1)}: {_said(error)}"
        last = {"stage": Stage.FAILED} if tries >= MOST_TRIES else {}
        work.put(item, tries=tries, failed=self._now(), told=told, **last)
        self._tell(f"{_called(item)}: {told}")

    def _is_wanted(self, number: int) -> bool:
        """Whether a series is still to be judged, once the sources were looked at again."""
        if self._clock() - self._looked >= self._order.look:
            self.look()
        return self.queue.items[number].stage.at_work

    # --- what is told of it -----------------------------------------------------------------

    def _answered(self, item: Item) -> Item:
        self.show()
        return self._published(item)

    def _published(self, item: Item) -> Item:
        """A series whose answer is published where it is another than before, but for where nothing is to be had."""
        folder = Folder(self._order.queue, item)
        for where in self._order.publisher.due(item):
            if where in self._away:
                continue
            outcome = self._order.publisher.publish(item, folder, where, self._run)
            self.failed |= outcome.failed
            if outcome.said:
                self._tell(f"{_called(item)}: {outcome.said}")
            if not outcome.published:
                self._away.add(where)
                self._unpublished[item.number] += 1
                continue
            published = {**item.published, where: outcome.published}
            now = self.queue.items[item.number]
            item = self.queue.put(msgspec.structs.replace(now, published=published))
        return item

    def _publish_left(self) -> None:
        """What could not be published before, that which fails always at last."""
        for item in sorted(self.queue.items.values(), key=lambda one: self._unpublished[one.number]):
            if item.stage is Stage.DONE:
                self._published(item)

    def show(self) -> None:
        """Have the page show the queue as it is."""
        page.write(self._order.page, self._order.queue, self.queue.items.values())


def _is_put_back(item: Item) -> bool:
    return item.full is not None and bool(item.full.unfinished)


def _called(item: Item) -> str:
    version = f" v{item.version}" if item.version > 1 else ""
    return f"#{item.number}{version} {item.subject}"


def _said(error: Exception) -> str:
    return shortened(line(str(error)), _SAID)
