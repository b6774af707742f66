# SPDX-License-Identifier: GPL-2.0-only
"""The git commands that take a set of patches out of a tree, or bring it there. Nobody runs them here."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from kseries.model import Patch, PatchSet, SetKind
from kseries.model.sanitize import line

_SPECIAL = re.compile(r"([\\.^$*+?{}()\[\]|])")
_BRACKETS = re.compile(r"(?:\[[^\]]*\]\s*)+")
"""Words in brackets before a subject: git am leaves them out, unless it is told to keep them (-b)."""
_END = "[[:cntrl:]]"
"""The end of a subject: git looks through a whole message as if it were one line, so that $ is no end of this one."""
_DIGITS = 12
_IN_HEAD = "HEAD^{{/^{}}}"
_ANYWHERE = ":/^{}"
_LONG = 200
"""Characters of a subject by which git looks for a commit."""


def of(found: PatchSet, patches: Sequence[Patch], place: Path | None = None) -> tuple[str, ...]:
    """The lines for a shell, in their order; none where there is no set. ``place`` is the folder of the series."""
    chosen = [one for one in patches if one.number in found.patches]
    if found.kind is SetKind.REVERT:
        return tuple(f"git revert {_named(one, patches, _IN_HEAD)}" for one in reversed(chosen))
    files = [_file(one, place) for one in chosen]
    if chosen and None not in files:
        return (f"git am --3way {shlex.join(map(str, files))}",)
    if chosen and all(one.message_id for one in chosen):
        which = ",".join(str(one.number) for one in chosen)
        thread = shlex.quote(line(chosen[0].message_id.strip("<>")))
        return (f"b4 shazam --cherry-pick {which} {thread}",)
    return tuple(f"git cherry-pick {_named(one, patches, _ANYWHERE)}" for one in chosen)


def _file(patch: Patch, place: Path | None) -> Path | None:
    """The file that holds a patch and no other one, where it was read from one: an mbox has subjects."""
    if patch.commit is not None or place is None or Path(patch.origin).name != patch.origin:
        return None
    folders = (place.resolve(), place.resolve() / "patches")
    return next((folder / patch.origin for folder in folders if (folder / patch.origin).is_file()), None)


def _named(patch: Patch, patches: Sequence[Patch], where: str) -> str:
    """A patch's commit; of one that came as a mail, the newest commit of that subject (gitrevisions(7)), if it has it
    alone.
    """
    if patch.commit is not None:
        return patch.commit[:_DIGITS]
    if sum(one.subject == patch.subject for one in patches) > 1:
        return f"COMMIT  # that of {patch.number}/{len(patches)}: others have its subject"
    return shlex.quote(where.format(_pattern(line(patch.subject))))


def _pattern(subject: str) -> str:
    """A regular expression (regex(7)) for a subject that stands in HEAD^{/..}, in which ^- would exclude commits."""
    brackets = _BRACKETS.match(subject)
    first = brackets[0] if brackets and brackets[0] != subject else ""
    optional = f"({_escaped(first)})?" if first else ""
    whole = _END if len(subject) <= _LONG else ""
    return f"{optional}{_escaped(subject[len(first) : _LONG])}{whole}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text).replace("-", "[-]")
