# SPDX-License-Identifier: GPL-2.0-only
"""What else a fragment asks for, so that Kconfig keeps the options that somebody wants.

No solver: what an option depends on and nothing else can stand for is asked for, then what that depends on, for a few
steps. Of several definitions the first counts. Whether it was enough, Kconfig says (unmet.py).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set

from kseries.kbuild import unmet
from kseries.sources import TreeStore

Definers = Callable[[frozenset[str]], Mapping[str, str]]
"""The Kconfig files that define one of some options, by their paths."""
_STEPS = 5
"""Of what an option depends on, and that on."""


def of(options: Iterable[str], definers: Definers, arch: str, unasked: Set[str] = frozenset()) -> tuple[str, ...]:
    """What these options, by their names without CONFIG_, depend on and who configures a kernel can ask for.

    ``arch`` is the architecture's folder below arch/; ``unasked`` are not looked at.
    """
    new = frozenset(options)
    known = {*new, *unasked}
    found: dict[str, None] = {}
    files = definers(new)
    for _ in range(_STEPS):
        named = {name for one in new for name in _depends(one, files, arch)} - known
        known |= named
        files = definers(frozenset(named))
        new = frozenset(name for name in named if _has_prompt(name, files, arch))
        found |= dict.fromkeys(sorted(new))
        if not new:
            break
    return tuple(found)


def definers(trees: TreeStore, tree: str) -> Definers:
    """The Kconfig files of a tree."""

    def defining(names: frozenset[str]) -> Mapping[str, str]:
        entry = rf"^[[:space:]]*(menu)?config[[:space:]]+({'|'.join(sorted(names))})$"
        return trees.grep_files(tree, entry, "*Kconfig*") if names else {}

    return defining


def _depends(option: str, files: Mapping[str, str], arch: str) -> Iterator[str]:
    own, _ = unmet.defining(option, files, arch)
    defined = next((one for path in own for one in unmet.definitions(files[path], option)), None)
    yield from unmet.needs(defined) if defined is not None else ()


def _has_prompt(option: str, files: Mapping[str, str], arch: str) -> bool:
    own, _ = unmet.defining(option, files, arch)
    return any(one.prompt for path in own for one in unmet.definitions(files[path], option))
