# SPDX-License-Identifier: GPL-2.0-only
"""A run that several hosts of a cluster have made."""

from kseries.model import RunResult, Stage, TimedStage
from tests.support.runs import run, state

BUILD, BOOT = 20.0, 12.5
"""Seconds that each state takes."""


def clustered(*hosts: str, states: int = 60) -> RunResult:
    """Each host in turn makes one of so many states beside base, and boots it beside its next build."""
    made = ["base", *(f"{kind}-{number}" for number in range(1, states // 2 + 1) for kind in ("prefix", "without"))]
    whose = {name: hosts[number % len(hosts)] for number, name in enumerate(made)}
    stages = []
    for number, (name, host) in enumerate(whose.items()):
        began = 1.0 + BUILD * (number // len(hosts))
        built = began + BUILD
        stages += [
            TimedStage(state=name, stage=Stage.BUILD, where=host, began=began, ended=built),
            TimedStage(state=name, stage=Stage.BOOT, where=host, began=built, ended=built + BOOT),
        ]
    took = {"build": BUILD, "boot": BOOT}
    return run(
        *(state(name, None if name == "base" else 1, made_on=host, seconds=took) for name, host in whose.items()),
        timeline=tuple(sorted(stages, key=lambda one: one.began)),
    )
