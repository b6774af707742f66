# SPDX-License-Identifier: GPL-2.0-only
"""The options of --config auto as a fragment, and told again from a whole configuration. Pure.

They are wanted, not needed: a state that lacks the patch which brings one of them is built without it.
"""

from collections.abc import Mapping

from kseries.kbuild import fragment

_HEAD = "# --config auto\n"
_END = "# end of --config auto\n"


def of(options: Mapping[str, str]) -> str:
    """A fragment with these options, y or n by their names; empty where there are none."""
    return f"{_HEAD}{lines(options)}{_END}" if options else ""


def lines(options: Mapping[str, str]) -> str:
    """The same as a fragment of the user's own would have them."""
    return "".join(f"#: wanted\n{fragment.assignment(name, value)}\n" for name, value in options.items())


def told(config: str) -> dict[str, str]:
    """The options of such a fragment in a configuration, y or n by their names."""
    own = config.partition(_HEAD)[2].partition(_END)[0]
    return {one.name: one.value for entry in fragment.entries(own) for one in entry.choices}
