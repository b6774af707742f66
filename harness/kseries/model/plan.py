# SPDX-License-Identifier: GPL-2.0-only
"""What is to be looked at: states, what they would cost, and what is asked of them."""

from kseries.model.record import Record
from kseries.model.series import AppliedPatch, Base


class State(Record, frozen=True):
    """One kernel source tree. ``tree`` is None exactly when git could not make it (``conflicts`` says where)."""

    id: str
    scenario: str
    applied: tuple[int, ...]
    patch: int | None = None
    """The patch this state was made to ask about: K of prefix-K and of without-K; None of without-J+K."""
    tree: str | None = None
    conflicts: tuple[str, ...] = ()
    same_as: str | None = None


class Plan(Record, frozen=True):
    """The states of a run, in the order in which they are visited. The first is always base."""

    series: str
    version: int
    patches: tuple[AppliedPatch, ...]
    base: Base
    states: tuple[State, ...]

    @property
    def tip(self) -> str:
        """The id of the state that is base + all patches."""
        return f"prefix-{len(self.patches)}"


class Forecast(Record, frozen=True):
    """What one state of a plan would cost, as far as earlier builds tell."""

    state: str
    known: bool = False
    """Its result is there already."""
    again: bool = False
    """It is built all the same, and not booted: of base, whose result is there and whose objects are not."""
    built_as: str | None = None
    """It is not built: it differs from this state, which is, only in ``unread``, which no build reads."""
    unread: tuple[str, ...] = ()
    targets: int | None = None
    """What make would make again of what is compiled; null where nothing has been built in this configuration."""
    seconds: float | None = None
    """Of its build, by what builds in this configuration took on this host; null where there were too few."""

    @property
    def to_build(self) -> bool:
        """True of a state that would be built and booted."""
        return not self.known and self.built_as is None


class Contract(Record, frozen=True):
    """If the kernel advertises ``when``, ``checks`` pass; if it does not, ``otherwise`` pass.

    ``optional`` pass, too, or are skipped for want of what they need: hardware, a kind of memory. ``left_out`` are
    those of either that this run does not perform, ``unasked`` those of ``otherwise``, and a check that is ``when``.
    """

    id: str
    title: str
    when: str
    checks: tuple[str, ...]
    otherwise: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
