# SPDX-License-Identifier: GPL-2.0-only
"""The mails of a thread -> one series: which of them are its patches, of which version, in which order."""

import collections
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from kseries.inputs import apart, rerolls
from kseries.inputs.mail import Mail
from kseries.inputs.target import Target
from kseries.model import Series
from kseries.model.errors import InfraError, InputError
from kseries.sources import git

_NAMED = 5
"""How many of many missing patches an error names."""
_DIFFSTAT = re.compile(
    rb"^ (\d{1,9}) files? changed(?:, (\d{1,9}) insertions?\(\+\))?(?:, (\d{1,9}) deletions?\(-\))?$", re.MULTILINE
)
_SIGNATURE = re.compile(rb"^-- $", re.MULTILINE)


def series(mails: Sequence[Mail], name: str, reroll: int | None = None) -> Target:
    """The series in a thread: its newest version, or the one that ``reroll`` (-v N) names.

    Replies are never part of it, whatever they quote or attach. What a partial reroll left as it was comes from the
    version before. Raises InputError: no patch, a patch that is not there, two for one number, a last mail that is cut
    short.
    """
    before, mails = apart.prerequisites(mails)
    mails = rerolls.versioned(mails)
    posted = _posted(mails)
    if not any(one.has_diff for one in posted):
        replies = sum(one.subject.reply for one in mails)
        raise InputError(
            f"{name} holds no patch: mails {len(mails)}, replies {replies}\n  a patch is no reply and has a diff"
        )
    sent_of = _by_version(posted)
    version = reroll or max(sent_of)
    if version not in sent_of:
        raise InputError(
            f"{name} has no v{version} of the series\n  it has {_list(f'v{one}' for one in sorted(sent_of))}"
        )
    older = _older(version, sent_of, mails)
    chosen = [*sent_of[version], *older]
    if next(_gone(chosen), None) is not None:
        raise _lacks(name, version, chosen, sent_of)
    ordered = _numbered(chosen, name) or _candidates(chosen)
    patches = tuple(one.patch(number) for number, one in enumerate(ordered, 1))
    if any(one is mails[-1] for one in ordered):
        _check_end(mails[-1])
    covers = _covers([version, *(one.subject.version for one in older)], sent_of, chosen)
    return Target(
        series=Series(name=name, version=version, patches=patches, cover_id=covers[0].id if covers else ""),
        base_commit=next((one.base_commit for one in (*covers, *sorted(ordered, key=_age)) if one.base_commit), None),
        prerequisites=tuple(dict.fromkeys(named for one in (*covers, *ordered) for named in one.prerequisites)),
        before=apart.patches(before),
        ids=apart.ids((*covers, *before)),
        notes=tuple(_notes(name, version, sorted(sent_of), chosen, ordered)),
    )


def _posted(mails: Iterable[Mail]) -> list[Mail]:
    """What the author sent: no replies, and each mail once, however many lists brought it."""
    posted = [one for one in mails if not one.subject.reply and (one.has_diff or one.subject.number is not None)]
    return list({one.id or id(one): one for one in reversed(posted)}.values())[::-1]


def _by_version(posted: Iterable[Mail]) -> Mapping[int, list[Mail]]:
    sent_of = collections.defaultdict[int, list[Mail]](list)
    for one in posted:
        sent_of[one.subject.version].append(one)
    return dict(sent_of)


def _older(version: int, sent_of: Mapping[int, Sequence[Mail]], mails: Sequence[Mail]) -> list[Mail]:
    """Of a partial reroll the patches that were not sent again."""
    numbered = {one: [mail for mail in sent if mail.subject.number and mail.has_diff] for one, sent in sent_of.items()}
    patches_of = {one: patches for one, patches in numbered.items() if patches}
    gone = set(_gone(sent_of[version]))
    return rerolls.left_as_they_were(version, gone, patches_of, mails) if gone and version in patches_of else []


def _covers(versions: Iterable[int], sent_of: Mapping[int, Sequence[Mail]], chosen: Iterable[Mail]) -> list[Mail]:
    """The cover letters of some versions, or the one that patches answer, but not with their version.

    That is ``[PATCH 0/2]`` over ``[PATCH v3 1/2]``.
    """
    answered = {one.answers for one in chosen}
    alone = [sent[0] for sent in sent_of.values() if len(sent) == 1 and sent[0].id in answered]
    sent = [one for version in dict.fromkeys(versions) for one in sent_of[version]]
    return [one for one in (*sent, *alone) if one.subject.number == 0]


def _age(one: Mail) -> int:
    return -one.subject.version


def _total(chosen: Sequence[Mail]) -> int:
    """How many patches n/m there are to be; none where they have no numbers."""
    return max(
        (max(one.subject.number, one.subject.total or 0) for one in chosen if one.subject.number is not None), default=0
    )


def _gone(chosen: Sequence[Mail]) -> Iterator[int]:
    """Which of 1/m to m/m did not come."""
    came = {one.subject.number for one in chosen}
    return (number for number in range(1, _total(chosen) + 1) if number not in came)


def _is_whole(sent: Sequence[Mail]) -> bool:
    return any(one.has_diff for one in sent) and next(_gone(sent), None) is None


def _lacks(name: str, version: int, chosen: Sequence[Mail], sent_of: Mapping[int, Sequence[Mail]]) -> InputError:
    total = _total(chosen)
    missing = [f"{number}/{total}" for number in _gone(chosen)]
    of = f" of v{version}" if version > 1 else ""
    cure = "is it complete? b4 am fetches a whole series; a directory of patches is taken as it is"
    if whole := [one for one, sent in sent_of.items() if _is_whole(sent)]:
        cure = f"-v {max(whole)} takes v{max(whole)}, which is whole; b4 am fetches what is not here"
    return InputError(f"{name} lacks {_list(missing)}{of}\n  {cure}")


def _numbered(chosen: Sequence[Mail], name: str) -> list[Mail]:
    """The patches n/m in their order, each once, of those that are all there; none where the patches have no numbers.

    Raises InputError where two are one number's.
    """
    mails_of = collections.defaultdict[int | None, list[Mail]](list)
    for one in chosen:
        mails_of[one.subject.number].append(one)
    found = [_candidates(mails_of[number]) for number in range(1, _total(chosen) + 1)]
    for mails in found:
        if len(mails) > 1:
            raise InputError(
                f"{name} has two patches {mails[0].subject.place}: '{mails[0].subject.text}' and"
                f" '{mails[1].subject.text}'\n  take out the one that is not meant"
            )
    return [mails[0] for mails in found]


def _candidates(mails: list[Mail]) -> list[Mail]:
    """Of the mails with one number, or none, what was sent again (a RESEND) once; without a diff for want of others.

    Without numbers a diff may be there twice: of a change, and of its return after a revert, which has another name.
    """
    sent = {(one.subject.number is None and one.subject.text, one.diff): one for one in mails if one.has_diff}
    return list(sent.values()) or mails[:1]


def _notes(
    name: str, version: int, versions: Sequence[int], chosen: Sequence[Mail], ordered: Sequence[Mail]
) -> Iterable[str]:
    if len(versions) > 1:
        yield f"{name}: v{version} of {_list(f'v{one}' for one in versions)}"
    if older := [one.subject for one in ordered if one.subject.version != version]:
        places = _list(f"{one.number}/{one.total} of v{one.version}" for one in older)
        yield f"{name}: v{version} is a partial reroll, and has these as they were: {places}"
    taken = {one.diff for one in ordered}
    for one in chosen:
        if one.subject.number is None and one.diff not in taken:
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
    try:
        done = git.alone("apply", "--numstat", "-", stdin=last.diff, statuses=git.ANSWERS)
    except git.FailedError as error:
        raise InfraError(f"{error}\n  so nobody knows whether {last.origin} is whole") from error
    rows = [row.split("\t") for row in done.text.splitlines() if row.count("\t") >= 2]
    came = (len(rows), *(sum(int(row[side]) for row in rows if row[side].isdigit()) for side in (0, 1)))
    wanted = tuple(int(want or 0) for want in stat.groups())
    if done.returncode == 0 and any(have < want for have, want in zip(came, wanted, strict=True)):
        less = f"{wanted[0]} files, its diff {came[0]}"
        if came[0] >= wanted[0]:
            less = f"+{wanted[1]} -{wanted[2]} lines, its diff +{came[1]} -{came[2]}"
        raise InputError(f"{last.origin} is cut short: its diffstat has {less}")
