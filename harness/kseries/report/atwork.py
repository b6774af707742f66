# SPDX-License-Identifier: GPL-2.0-only
"""What is at work on the hosts of a cluster, in one line that is no longer than a terminal is wide."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass


@dataclass
class Task:
    """A state that is built or booted, which of the run's kernels it is, and how many objects make has made.

    ``where`` is a host of a cluster, and empty of this one.
    """

    number: str
    state: str
    stage: str
    where: str = ""
    objects: int = 0

    @property
    def line(self) -> str:
        """As a line of its own has it."""
        return f"{self.number} {self.state}: {self.stage}ing" + (f" on {self.where}" if self.where else "")

    @property
    def brief(self) -> str:
        """As it stands behind its host."""
        objects = f", {self.objects} objects" if self.objects else ""
        return f"{self.number} {self.state} {self.stage}ing{objects}"


def hosts(tasks: Collection[Task], last: str, width: int) -> str:
    """Each host and what it does. Where that is too wide: how many hosts do what, and the one heard of ``last``."""
    doing: dict[str, list[str]] = {}
    for task in tasks:
        doing.setdefault(task.where, []).append(task.brief)
    each = {host: f"{host or 'this host'}: {', '.join(doing[host])}" for host in sorted(doing)}
    whole = "; ".join(each.values())
    if len(whole) > width and len(each) > 1:
        stages = Counter(task.stage for task in tasks)
        counts = ", ".join(f"{stages[stage]} {stage}ing" for stage in ("build", "boot") if stages[stage])
        whole = f"{len(each)} hosts, {counts}; {each.get(last, '')}".removesuffix("; ")
    return whole if len(whole) <= width else f"{whole[: max(width - 3, 0)]}..."[:width]
