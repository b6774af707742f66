# SPDX-License-Identifier: GPL-2.0-only
"""What comes in: patches, the base below them, and what became of each when it was applied."""

from msgspec import UNSET, UnsetType

from kseries.model.record import Record


class Patch(Record, frozen=True):
    """One patch as it came in: a diff to apply, or, without one, a commit whose trees git already knows."""

    number: int
    subject: str
    origin: str
    """Where it was read: a file name or a commit id, for error messages."""
    message: str = ""
    """The changelog below the subject."""
    author: str = ""
    """``NAME <ADDRESS>``; empty where there is none, and of a commit, which tells it itself."""
    diff: bytes | None = None
    commit: str | None = None
    """The id of the commit that it came as, in whatever repository that is."""
    tree: str | None = None
    """Of a commit, its tree as its repository shows it: what replaces it there (git-replace(1)) counts."""
    message_id: str = ""
    """That of the mail, in its angle brackets; empty where it was no mail."""
    patchwork: int | None = None
    """Its number in a Patchwork, which stands in a mail that comes from there (X-Patchwork-Id)."""


class Series(Record, frozen=True):
    """Patches in the order in which they apply."""

    name: str
    version: int
    patches: tuple[Patch, ...]
    cover_id: str = ""
    """The Message-ID of the mail above the patches; empty where there is none."""


class Base(Record, frozen=True):
    """The kernel source under the series. ``tree`` is a git tree id in the tree store."""

    name: str
    version: str
    tree: str
    guessed: str = ""
    """The commit, where nobody named it and the series' files match it and not HEAD."""
    prerequisites: tuple[str, ...] = ()
    """The subjects of the patches on it that the series is made on top of; ``tree`` has them."""
    lacking: tuple[str, ...] = ()
    """The prerequisites that the series names and that were not to be found."""
    commit: str | UnsetType = UNSET
    """The id of the commit that it is, without those prerequisites; not there where it is none of a repository."""


class FuzzedHunk(Record, frozen=True):
    """A hunk that was put where git apply would not put it: with fuzz, as patch(1) counts it."""

    file: str
    hunk: int
    of: int
    """Its number among those of the file."""
    line: int
    """Where it begins in the file as it was."""
    offset: int
    """How many lines that is from where the patch says."""
    fuzz: int
    blind: bool = False
    """True where fuzz passed over all that it expects: nothing but a line number says that it belongs there."""


class RejectedHunk(Record, frozen=True):
    """A hunk that fits nowhere, with as much fuzz as patch(1) takes. Of the first few is told what stands there."""

    file: str
    hunk: int
    of: int
    line: int
    """Where the patch says that it begins."""
    expects: tuple[str, ...] = ()
    """Its old lines, from the last on that is there."""
    at: int = 0
    """The line of the file at which those would begin, as most lines of the hunk have it."""
    stands: tuple[str, ...] = ()
    """What stands there now."""
    there: bool = False
    """True where what the hunk makes stands in the file already."""


class AppliedPatch(Record, frozen=True):
    """A patch of the series with the git trees on either side of it."""

    number: int
    subject: str
    tree_before: str
    tree_after: str
    message: str = ""
    files: tuple[str, ...] = ()
    """The paths in which the trees differ."""
    renames: tuple[tuple[str, str], ...] | UnsetType = UNSET
    """Of those, the name before and the name after of each file that has another one; not there where none has."""
    symbols: tuple[str, ...] = ()
    """The names that it introduces: functions, types, macros, Kconfig symbols; not known before a run."""
    author: str = ""
    message_id: str = ""
    """As of Patch."""
    fuzzed: tuple[FuzzedHunk, ...] = ()
    """The hunks that took fuzz: --fuzz."""
    commit: str | None = None
    """As of Patch; of a squash None, and of a patch that was moved that of the one that was."""
    patchwork: int | UnsetType = UNSET
    """As of Patch; not there where it has none."""
    patch_ids: tuple[str, ...] | UnsetType = UNSET
    """Its stable git patch-ids: of the diff that it came with, and of what git shows between its trees, by the ways in
    which people have git show it. Not known before a run, nor of what kseries has made itself."""
