# SPDX-License-Identifier: GPL-2.0-only
"""Which patches depend on which, in a few lines; a run that found nothing says so in one."""

from collections.abc import Iterator

from kseries.model import Bond, Coupling, RunResult

_WAYS = {
    Bond.TEXTUAL: "to apply",
    Bond.BUILD: "to build",
    Bond.BOOT: "to boot",
    Bond.BEHAVIOUR: "to keep",
}


def lines(run: RunResult) -> Iterator[str]:
    """A line for each patch that depends on others."""
    if not run.couplings:
        return
    yield "What depends on what:"
    for patch in dict.fromkeys(one.patch for one in run.couplings):
        ways: dict[str, list[str]] = {}
        for one in run.couplings:
            if one.patch == patch:
                ways.setdefault(_way(one), []).append("more than the base" if one.needs is None else str(one.needs))
        needs = "; ".join(f"{', '.join(numbers)} {way}" for way, numbers in ways.items())
        yield f"  {patch} needs {needs}"
    yield ""


def _way(one: Coupling) -> str:
    if one.kind is not Bond.BEHAVIOUR:
        return _WAYS[one.kind]
    return f"{_WAYS[one.kind]} {one.contract}" if one.contract else "to pass what base passed"
