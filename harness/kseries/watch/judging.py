# SPDX-License-Identifier: GPL-2.0-only
"""One series, from its mails to its answers: its base is found, it is applied, answered quickly, and then wholly.

Each step is noted in the queue before the next one begins: who finds a series half done goes on behind the last one.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from kseries import inputs
from kseries.app import planning, premises
from kseries.host import files, interpreter, paths
from kseries.model import events
from kseries.model.errors import InfraError, InputError
from kseries.plan import scenarios
from kseries.sources import TreeStore
from kseries.watch import answers, archive, children, prerequisites
from kseries.watch.bases import NoBaseError, Trees
from kseries.watch.children import Run
from kseries.watch.folder import Folder
from kseries.watch.item import Answer, Choice, Item, Stage
from kseries.watch.order import Order
from kseries.watch.queue import Queue

_MAKE = ("--make", "W=1")
"""Of both answers: the whole one would else take back the warnings of the quick one, and build all kernels anew."""
_QUICK = ("--scenario", "prefixes", "--build-only", *_MAKE)


@dataclass(frozen=True)
class Judging:
    """What is needed for it. ``wanted`` tells whether a series is still to be judged, ``answered`` hears of an answer,
    ``tell`` of what goes on.
    """

    order: Order
    queue: Queue
    run: Run
    wanted: Callable[[int], bool]
    answered: Callable[[Item], Item]
    tell: Callable[[str], None]

    def judge(self, item: Item) -> Item:
        """The series with its answers.

        Raises children.StoppedError where another version took its place, NotOursError and NoBaseError, InputError for
        what cannot be judged, and InfraError where this host failed.
        """
        mails = self.queue.ask(lambda database: archive.mails(database, item.mails))
        keys = self.queue.ask(lambda database: prerequisites.mails(database, self.queue.items, item))
        before = self.queue.ask(lambda database: archive.mails(database, keys))
        folder = Folder(self.order.queue, item)
        with premises.room(folder.path):
            folder.write(mails, before)
        if item.stage is Stage.NEW:
            item = self.put(item, stage=Stage.QUICK)
        if item.base is None:
            diffs = [one.mail.diff for one in (*before, *mails) if one.mail.has_diff]
            item = self.put(item, base=self._base(item, diffs))
        base = item.base
        assert base is not None
        self.tell(f"base: {base.told}")
        if item.quick is None:
            item = self._quick(item, base, folder, bool(before))
        unanswered = item.full is None or item.full.unfinished
        if unanswered and item.quick is not None and item.quick.applies:
            item = self._full(item, base, folder, bool(before))
        return item

    def put(self, item: Item, **changed: Any) -> Item:
        """Keep what has become of a series. Raises StoppedError where another took its place meanwhile."""
        now = self.queue.items[item.number]
        if not now.stage.at_work or now.content != item.content:
            raise children.StoppedError
        return self.queue.put(msgspec.structs.replace(now, **changed))

    def _base(self, item: Item, diffs: list[bytes]) -> Choice:
        with self._at_work(), premises.room():
            store = TreeStore(paths.cache("trees.git"))
            return Trees(self.order.trees, store, events.unheard).base_of(item.base_commit, diffs)

    def _quick(self, item: Item, base: Choice, folder: Folder, stacked: bool) -> Item:
        refused = self._refused(base, folder, stacked)
        if refused is not None and base.guessed:
            raise NoBaseError(f"no base known: it does not apply to {base.told}")
        words = (*self.order.quick_words, *_QUICK)
        answer = refused or self._answer(item, self._argv(base, folder, stacked, "quick", words), folder, "quick")
        return self.answered(self.put(item, quick=answer))

    def _full(self, item: Item, base: Choice, folder: Folder, stacked: bool) -> Item:
        item = self.put(item, stage=Stage.FULL)
        budget = ("--budget", self.order.budget) if self.order.budget is not None else ()
        argv = self._argv(base, folder, stacked, "full", (*self.order.words, *_MAKE, *budget))
        return self.answered(self.put(item, full=self._answer(item, argv, folder, "full")))

    def _refused(self, base: Choice, folder: Folder, stacked: bool) -> Answer | None:
        """That a series does not apply, if it does not: with the words that a run has for it."""
        loaded = inputs.load(str(folder.target))
        options = replace(
            self.order.options,
            tree=base.tree,
            base=base.revision or None,
            prerequisites=(str(folder.prerequisites),) if stacked else (),
        )
        store = TreeStore(paths.cache("trees.git"))
        with self._at_work(), premises.room():
            under = planning.base_of(loaded, options, store, events.unheard)
            try:
                with planning.explained(loaded, under, store):
                    scenarios.apply_all(loaded.series, under, store, events.unheard, options.fuzz)
            except InputError as error:
                return answers.does_not_apply(str(error), under)
        return None

    def _argv(self, base: Choice, folder: Folder, stacked: bool, which: str, words: tuple[str, ...]) -> list[str]:
        return interpreter.command(
            "run",
            str(folder.target),
            *("--tree", base.tree),
            *(("--base", base.revision) if base.revision else ()),
            *(("--prerequisite", str(folder.prerequisites)) if stacked else ()),
            *words,
            *("--out", str(folder.out(which))),
        )

    def _answer(self, item: Item, argv: list[str], folder: Folder, which: str) -> Answer:
        """Have kseries run a series."""
        files.remove(folder.out(which))  # an answer of before is none of this run
        log = folder.log(which)
        status = self.run(argv, log, lambda: self.wanted(item.number))
        answer = answers.of_run(folder.out(which)) if status in (0, 1) else None
        if answer is not None:
            return answer
        said = children.words(log) or f"kseries run ended with {status}"
        raise (InputError if status == InputError.exit_status else InfraError)(said)

    def _at_work(self) -> AbstractContextManager[None]:
        return premises.at_work(events.unheard)
