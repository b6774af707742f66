# SPDX-License-Identifier: GPL-2.0-only
"""What the probe ``surface`` lists, read back: ``# surface KIND NAME …``, closed by ``# listed KIND COUNT``.

A list that is not whole could be compared with no other, so a kind is known with all of its names or not at all. All
that is wrong with one is told, once for each kind. Whatever the lines, there is a bound to what is kept of them.
"""

import re
from dataclasses import dataclass, field

from kseries.model.surface import SurfaceKind

MAX_NAMES = 4096
"""Names of a kind: as many as the guest tells (LISTING_NAMES in guests/lib/listing.h)."""
MAX_IN_ALL = 20_000
"""Names of a boot; Debian's kernel has 3000."""
MAX_NAME = 256
"""Characters of a name; the guest cuts it before that."""
_NAMES = re.compile(r"# surface (?P<kind>[a-z-]{1,32}) (?P<names>[!-~ ]+)")
_LISTED = re.compile(r"# listed (?P<kind>[a-z-]{1,32}) (?P<count>[0-9]{1,6})")
_OURS = ("# surface ", "# listed ")
_KINDS = frozenset(kind.value for kind in SurfaceKind)
_UNKNOWN = "unknown"
"""In place of the name of a kind that nobody knows."""


@dataclass
class Listings:
    """The lists of one boot, as far as they have come."""

    wrong: dict[str, str] = field(default_factory=dict)
    """Of each kind that is not known for it, what is wrong with its list."""
    _names: dict[str, set[str]] = field(default_factory=dict)
    _closed: set[str] = field(default_factory=set)
    _count: int = 0

    def line(self, text: str) -> bool:
        """Read a line; False where it is none of a list. One that cannot be read is missed when the list is closed."""
        if found := _NAMES.fullmatch(text):
            self._add(found["kind"], found["names"].split())
        elif found := _LISTED.fullmatch(text):
            self._close(found["kind"], int(found["count"]))
        return text.startswith(_OURS)

    def end(self) -> None:
        """The probe has ended: what it has not closed is not whole."""
        for kind in self._names.keys() - self._closed:
            self._spoil(kind, "its list has no end")

    @property
    def whole(self) -> dict[str, tuple[str, ...]]:
        """The names of each kind that is known, sorted."""
        return {kind: tuple(sorted(self._names.get(kind, ()))) for kind in sorted(self._closed - self.wrong.keys())}

    def _add(self, kind: str, names: list[str]) -> None:
        if not self._may_go_on(kind):
            return
        held = self._names.setdefault(kind, set())
        before = len(held)
        held |= {name for name in names if len(name) <= MAX_NAME}
        self._count += len(held) - before
        if len(held) > MAX_NAMES or self._count > MAX_IN_ALL:
            self._spoil(kind, f"cut: more than {MAX_NAMES} names of it, or {MAX_IN_ALL} in all")

    def _close(self, kind: str, count: int) -> None:
        if not self._may_go_on(kind):
            return
        self._closed.add(kind)
        came = len(self._names.get(kind, ()))
        if came != count:
            self._spoil(kind, f"{came} names of it came, and {count} were told")

    def _may_go_on(self, kind: str) -> bool:
        """Whether a kind is one that we know, of which the list is neither closed nor spoiled."""
        if kind not in _KINDS:
            self.wrong.setdefault(_UNKNOWN, f"there is no kind {kind}")
            return False
        if kind in self._closed:
            self._spoil(kind, "it is listed twice")
        return kind not in self.wrong

    def _spoil(self, kind: str, why: str) -> None:
        self._count -= len(self._names.pop(kind, ()))
        self.wrong.setdefault(kind, why)
