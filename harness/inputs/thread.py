# SPDX-License-Identifier: GPL-2.0-only
"""The mails of a thread -> one series: which of them are its patches, of which version, in which order."""

import collections
import re
from collections.abc import Iterable, Sequence

from harness import proc
from harness.errors import InfraError, InputError
from harness.inputs.mail import Mail
from harness.inputs.target import Target
from harness.model import Series
from harness.trees.treestore import SAID, reason

_NAMED = 5
"""How many of many missing patches an error names."""
_DIFFSTAT = re.compile(
    rb"^ (\d{1,9}) files? changed(?:, (\d{1,9}) insertions?\(\+\))?(?:, (\d{1,9}) deletions?\(-\))?$", re.MULTILINE
)
_SIGNATURE = re.compile(rb"^-- $", re.MULTILINE)


def series(mails: Sequence[Mail], name: str, reroll: int | None = None) -> Target:
    """The series in a thread: its newest version, or the one that ``reroll`` (-v N) names.

    Replies are never part of it, whatever they quote or attach. Raises InputError: no patch, a patch that is not
    there, two for one number, a last mail that is cut short.
    """
    posted = _posted(mails)
    if not any(one.has_diff for one in posted):
        replies = sum(one.subject.reply for one in mails)
        raise InputError(
            f"{name} holds no patch: mails {len(mails)}, replies {replies}\n  a patch is no reply and has a diff"
        )
    versions = sorted({one.subject.version for one in posted})
    version = reroll or versions[-1]
    if version not in versions:
        raise InputError(f"{name} has no v{version} of the series\n  it has {_list(f'v{one}' for one in versions)}")
    chosen = [one for one in posted if one.subject.version == version]
    ordered = _numbered(chosen, name) or chosen
    patches = tuple(one.patch(number) for number, one in enumerate(ordered, 1))
    if any(one is mails[-1] for one in ordered):
        _check_end(mails[-1])
    return Target(
        series=Series(name=name, version=version, patches=patches, cover_id=_cover_id(chosen)),
        base_commit=next((one.base_commit for one in sorted(chosen, key=_number) if one.base_commit), None),
        notes=tuple(_notes(name, version, versions, chosen, ordered)),
    )


def _posted(mails: Iterable[Mail]) -> list[Mail]:
    """What the author sent: no replies, and each mail once, however many lists brought it."""
    posted = [one for one in mails if not one.subject.reply and (one.has_diff or one.subject.number is not None)]
    return list({one.id or id(one): one for one in reversed(posted)}.values())[::-1]


def _cover_id(chosen: Sequence[Mail]) -> str:
    return next((one.id for one in chosen if one.subject.number == 0), "")


def _number(one: Mail) -> int:
    return one.subject.number or 0


def _numbered(chosen: Sequence[Mail], name: str) -> list[Mail]:
    """The patches n/m in their order, 1/m to m/m each once; none where the patches have no numbers."""
    numbers = [one.subject.number for one in chosen if one.subject.number is not None]
    if not numbers:
        return []
    total = max(*numbers, *(one.subject.total or 0 for one in chosen))
    mails_of = collections.defaultdict[int | None, list[Mail]](list)
    for one in chosen:
        mails_of[one.subject.number].append(one)
    found = {number: _candidates(mails_of[number]) for number in range(1, total + 1)}
    missing = [f"{number}/{total}" for number, mails in found.items() if not mails]
    if missing:
        version = chosen[0].subject.version
        of = f" of v{version}" if version > 1 else ""
        raise InputError(
            f"{name} lacks {_list(missing)}{of}\n  is it complete? b4 am fetches a whole series;"
            " a directory of patches is taken as it is"
        )
    for mails in found.values():
        if len(mails) > 1:
            raise InputError(
                f"{name} has two patches {mails[0].subject.place}: '{mails[0].subject.text}' and"
                f" '{mails[1].subject.text}'\n  take out the one that is not meant"
            )
    return [mails[0] for mails in found.values()]


def _candidates(mails: list[Mail]) -> list[Mail]:
    """Of the mails with one number those with equal diffs (a RESEND) once; without a diff only for want of others."""
    diffs = {one.diff: one for one in mails if one.has_diff}
    return list(diffs.values()) or mails[:1]


def _notes(
    name: str, version: int, versions: Sequence[int], chosen: Sequence[Mail], ordered: Sequence[Mail]
) -> Iterable[str]:
    if len(versions) > 1:
        yield f"{name}: v{version} of {_list(f'v{one}' for one in versions)}"
    taken = {id(one) for one in ordered}
    for one in chosen:
        if one.subject.number is None and id(one) not in taken:
            yield f"{name}: passed over, for want of a number: '{one.subject.line}'"
    if len(ordered) > 1 and ordered[0].subject.number is None:
        yield f"{name}: {len(ordered)} patches without numbers, in the order in which they stand there"


def _list(words: Iterable[str]) -> str:
    named = list(words)
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return ", ".join(named[:_NAMED]) + more


def _check_end(last: Mail) -> None:
    """Raise InputError where the last mail ends between two hunks: its diffstat knows of more than came.

    A diff that ends within a hunk is found when it is applied; one with git's signature below it came whole.
    """
    stat = _DIFFSTAT.search(last.diff)
    if stat is None or _SIGNATURE.search(last.diff, stat.end()):
        return
    # Not from the current directory: in a work tree, git apply leaves out what is not below it.
    done = proc.run(["git", "apply", "--numstat", "-"], seconds=60, stdin=last.diff)
    if done.returncode not in SAID:
        raise InfraError(f"git apply failed, so nobody knows whether {last.origin} is whole: {reason(done)}")
    rows = [row.split("\t") for row in done.text.splitlines() if row.count("\t") >= 2]
    came = (len(rows), *(sum(int(row[side]) for row in rows if row[side].isdigit()) for side in (0, 1)))
    if done.returncode == 0 and any(have < int(want or 0) for have, want in zip(came, stat.groups(), strict=True)):
        raise InputError(f"{last.origin} is cut short: its diffstat has {int(stat[1])} files, its diff {len(rows)}")
