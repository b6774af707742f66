# SPDX-License-Identifier: GPL-2.0-only
"""What was answered is published by ``kseries publish``, a process of its own, where the answer is another than before.

kseries publish itself remembers what it has posted. So one that was killed between the two is asked again, and adds
nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

from kseries.host import interpreter
from kseries.watch import answers, children
from kseries.watch.children import Run
from kseries.watch.folder import Folder
from kseries.watch.item import Item

_LATER = "it is tried again in the next round"


@dataclass(frozen=True)
class Publisher:
    """Where to, as --to of kseries publish has it; ``url`` is where the page is for others."""

    to: tuple[str, ...] = ()
    url: str | None = None
    command: Callable[..., list[str]] = interpreter.command

    def due(self, item: Item) -> list[str]:
        """Where the answer of a series is to go."""
        told = told_by(item)
        return [where for where in self.to if told and item.published.get(where) != told]

    def publish(self, item: Item, folder: Folder, where: str, run: Run) -> str:
        """Publish it; why that failed, or an empty text."""
        which = _which(item)
        for out in answers.results(folder.out(which)):
            place = out.relative_to(folder.path.parent)
            link = ("--url", f"{self.url.rstrip('/')}/{place}") if self.url is not None else ()
            log = folder.log("publish")
            if run(self.command("publish", str(out), "--to", where, *link), log, lambda: True) != 0:
                return f"not published to {where}: {children.words(log)}; {_LATER}"
        return ""


def told_by(item: Item) -> str:
    """What is the same for answers that say the same; empty where there is nothing to publish."""
    answer = item.answer
    if answer is None or not answer.applies:  # what does not apply has no run
        return ""
    return f"{_which(item)} {answer.digest}"


def _which(item: Item) -> str:
    return "full" if item.full is not None else "quick"
