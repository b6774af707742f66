# SPDX-License-Identifier: GPL-2.0-only
"""Whether a base can be compared with: where it cannot, no patch can be judged, and the run ends."""

from collections.abc import Mapping
from pathlib import Path

from kseries.model import Build, Observation, Outcome
from kseries.model.errors import InfraError, InputError
from kseries.model.sanitize import few, line, shortened

_SHOWN = 3
"""Lines of a compiler that an error repeats."""
_OPTIONS = 8
"""Options that one names."""
_SAID = 200
"""Characters of what a build said."""


def check_fragment(missing: tuple[str, ...], why: Mapping[str, str]) -> None:
    """Raise InputError for options that the configuration needs, base's Kconfig drops, and no patch brings; ``why``
    says what is known of each.
    """
    if missing:
        names = few(missing, _OPTIONS)
        told = next((f"{option}: {why[option]}" for option in missing if option in why), "see what it depends on")
        raise InputError(
            f"base's Kconfig drops what the config fragment needs, and no patch brings it: {names}\n  {told}"
        )


def check_build(base: Observation) -> None:
    """Raise InputError for a base of which there is no kernel, or not each probe."""
    if base.too_old:
        raise InputError(f"{base.too_old}\n  install a newer one and name it, as --make LLVM=-19 does clang-19")
    if base.unbuilt:
        said = base.errors[:_SHOWN] or ("see the log of the build",)
        raise InputError(f"the probe {base.unbuilt[0]} does not build with base's headers:\n  " + "\n  ".join(said))
    if base.outcome is Outcome.BUILD_FAILED:
        said = base.errors[:_SHOWN]
        raise InputError("base does not build, so no patch can be judged:\n  " + "\n  ".join(said))


def check_again(base: Build) -> None:
    """Raise InfraError for a base that does not build, or not with each probe, though it did so before."""
    if base.ok and not base.unbuilt:
        return
    said = next(iter(base.errors), "make failed and said nothing")
    raise InfraError(
        f"base does not build here any more: {shortened(line(said), _SAID)}\n"
        "  the cache has its result of before, so look for what this host lacks now (kseries doctor)"
    )


def check_boot(base: Observation, logs: Path) -> None:
    """Raise InputError for a base that does not come through its probes; ``logs`` are what it said.

    Raises InfraError where this host is why.
    """
    if base.outcome is Outcome.INFRA_ERROR:
        raise InfraError(base.detail)
    if not base.outcome.well:
        raise InputError(
            f"base does not come through the probes, so no patch can be judged: {base.outcome}: {base.detail}\n"
            f"  what it said is in {logs}"
        )
