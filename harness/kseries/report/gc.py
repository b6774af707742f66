# SPDX-License-Identifier: GPL-2.0-only
"""What kseries gc did, as text: a line for each part of the cache, and a total."""

from kseries.cache.gc.collect import Collected, Part

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def render(done: Collected) -> str:
    """The table, and what to think of it where the cache is still too large."""
    rows = [("", "before", "would be" if done.dry_run else "after", "")]
    rows += [(part.name, size(part.before), size(part.after), _removed(part)) for part in done.parts]
    rows.append(("total", size(done.before), size(done.after), f"of at most {size(done.max_size)}"))
    lines = [f"{name:<11}{before:>10}{after:>10}   {removed}".rstrip() for name, before, after, removed in rows]
    if done.after > done.max_size:
        lines.append("What is left has to stay: the base kernels in trees.git, the list of runs, and what is not ours.")
    return "\n".join(lines)


def size(count: int) -> str:
    """Bytes in the largest unit of which there is one."""
    number = float(max(count, 0))
    for unit in _UNITS[:-1]:
        if number < 1024:
            return f"{number:.0f} {unit}" if number >= 100 or unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} {_UNITS[-1]}"


def _removed(part: Part) -> str:
    return ", ".join(_WORDS[what].format(count) for what, count in part.removed.items())


_WORDS = {
    "leftovers": "{} left by killed runs",
    "builds": "{} build folders",
    "workers": "{} workers",
    "results": "{} results",
    "trimmed": "what ccache found longest ago",
    "packed": "{} objects and packs made one",
    "planned trees": "the trees of series",
    "programs": "{} programs",
    "userlands": "{} userlands",
    "package lists": "Debian's package lists",
}
