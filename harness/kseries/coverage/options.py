# SPDX-License-Identifier: GPL-2.0-only
"""Options of a kernel's configuration as conditions: ``X`` asks for CONFIG_X=y, ``!X`` for its contrary."""

from collections.abc import Set


def contrary(option: str) -> str:
    """What fails where this holds."""
    return option[1:] if option.startswith("!") else f"!{option}"


def holds(option: str, options: Set[str]) -> bool:
    """Whether an option is as it is asked for, by those that are =y."""
    return option[1:] not in options if option.startswith("!") else option in options
