# SPDX-License-Identifier: GPL-2.0-only
"""What was answered is published by ``kseries publish``, a process of its own, where the answer is another than before.

kseries publish itself remembers what it has posted. So one that was killed between the two is asked again, and adds
nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

from kseries.host import interpreter
from kseries.model.errors import InputError
from kseries.watch import answers, children
from kseries.watch.children import Run
from kseries.watch.folder import Folder
from kseries.watch.item import Item

_LATER = "it is tried again in the next round"
_NEVER = "it is not tried again until the answer is another"
_REFUSED = " refused"
_QUICK, _FULL = "quick", "full"


@dataclass(frozen=True)
class Outcome:
    """What came of it. ``published`` is what to note of the place, empty where it is to be tried again."""

    published: str
    said: str
    """What kseries publish said last, or why it failed."""
    failed: bool = False


@dataclass(frozen=True)
class Publisher:
    """Where to, as --to of kseries publish has it; ``url`` is where the page is for others."""

    to: tuple[str, ...] = ()
    url: str | None = None
    command: Callable[..., list[str]] = interpreter.command

    def due(self, item: Item) -> list[str]:
        """Where the answer of a series is to go."""
        told = told_by(item)
        return [where for where in self.to if told and not _is_known(told, item.published.get(where, ""))]

    def publish(self, item: Item, folder: Folder, where: str, run: Run) -> Outcome:
        """Publish it."""
        told = told_by(item)
        said: list[str] = []
        which = _which(item)
        for out in answers.results(folder.out(which)):
            place = out.relative_to(folder.path.parent)
            link = ("--url", f"{self.url.rstrip('/')}/{place}") if self.url is not None else ()
            log = folder.log("publish")
            status = run(self.command("publish", str(out), "--to", where, *link), log, lambda: True)
            words = children.words(log)
            if status == InputError.exit_status:
                return Outcome(f"{told}{_REFUSED}", f"not published to {where}: {words}; {_NEVER}", failed=True)
            if status != 0:
                return Outcome("", f"not published to {where}: {words}; {_LATER}", failed=True)
            said += [words] if words else []
        return Outcome(told, "; ".join(dict.fromkeys(said)))


def _is_known(told: str, published: str) -> bool:
    """Whether an answer went to a place, or was refused there; a quick one comes too late after a whole one."""
    return published in (told, f"{told}{_REFUSED}") or (told.startswith(_QUICK) and published.startswith(_FULL))


def told_by(item: Item) -> str:
    """What is the same for answers that say the same; empty where there is nothing to publish."""
    answer = item.answer
    if answer is None or not answer.applies:  # what does not apply has no run
        return ""
    return f"{_which(item)} {answer.digest}"


def _which(item: Item) -> str:
    return _FULL if item.full is not None else _QUICK
