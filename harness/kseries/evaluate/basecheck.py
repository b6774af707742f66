# SPDX-License-Identifier: GPL-2.0-only
"""Whether a base can be compared with: where it cannot, no patch can be judged, and the run ends."""

from pathlib import Path

from kseries.model import Observation, Outcome
from kseries.model.errors import InfraError, InputError

_SHOWN = 3
"""Lines of a compiler that an error repeats."""


def check_fragment(missing: tuple[str, ...]) -> None:
    """Raise InputError for options that the configuration asks for, base's Kconfig drops, and no patch brings."""
    if missing:
        raise InputError(
            f"base's Kconfig drops what the config fragment asks for, and no patch brings it: {', '.join(missing)}\n"
            "  see what the option depends on, or take it out of the fragment"
        )


def check_build(base: Observation) -> None:
    """Raise InputError for a base of which there is no kernel, or not each probe."""
    if base.unbuilt:
        said = base.errors[:_SHOWN] or ("see the log of the build",)
        raise InputError(f"the probe {base.unbuilt[0]} does not build with base's headers:\n  " + "\n  ".join(said))
    if base.outcome is Outcome.BUILD_FAILED:
        said = base.errors[:_SHOWN]
        raise InputError("base does not build, so no patch can be judged:\n  " + "\n  ".join(said))


def check_boot(base: Observation, logs: Path) -> None:
    """Raise InputError for a base that does not come through its probes; ``logs`` are what it said.

    Raises InfraError where this host is why.
    """
    if base.outcome is Outcome.INFRA_ERROR:
        raise InfraError(base.detail)
    if base.outcome is not Outcome.OK:
        raise InputError(
            f"base does not come through the probes, so no patch can be judged: {base.outcome}: {base.detail}\n"
            f"  what it said is in {logs}"
        )
