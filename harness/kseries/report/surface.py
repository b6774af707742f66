# SPDX-License-Identifier: GPL-2.0-only
"""What a series adds to what its kernels show to user space, in words. At the end is how a contract on it may begin."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import UNSET

from kseries.judge import surface
from kseries.judge.surface import Change, How
from kseries.model import RunResult
from kseries.model.sanitize import few, line
from kseries.model.surface import SurfaceKind

_KINDS = {
    SurfaceKind.UAPI: "in the headers",
    SurfaceKind.KVM_CAP: "capability of /dev/kvm",
    SurfaceKind.KVM_VM_CAP: "capability of a VM",
    SurfaceKind.KVM_CAP_VALUE: "answer to a capability",
    SurfaceKind.KVM_FLAG: "flag of KVM",
    SurfaceKind.FLAG: "flag",
    SurfaceKind.SYSCALL: "system call",
    SurfaceKind.SYSCTL: "below /proc/sys",
    SurfaceKind.PROC: "in /proc",
    SurfaceKind.FILESYSTEM: "file system",
    SurfaceKind.PARAMETER: "module parameter",
    SurfaceKind.SYS_KERNEL: "in /sys/kernel",
    SurfaceKind.DEVICE: "in /dev",
}
_CAP = "KVM_CAP_"
_ADVERTISED = (SurfaceKind.KVM_CAP, SurfaceKind.KVM_VM_CAP)
_SILENT = "the kernel does not advertise it"
_FEW = 8
"""Names that a line has room for."""
_LINES = 40
"""Lines of changes; a series has two or three."""
_SKELETONS = 3
_BEGINS = "  A contract may begin so; put it into contracts/NAME.toml beside the patches, or name it with --contract:"


def lines(run: RunResult) -> Iterator[str]:
    """A line for each new capability, and one for what else became so with one patch; nothing where nobody asked."""
    if all(state.surface is UNSET for state in run.states):
        return
    found = surface.of(run.states)
    if found is None:
        yield "What the kernel shows to user space is not compared: base or the tip has not listed it."
        yield ""
        return
    told = [*_capabilities(run, found.changes), *_others(run, found.changes)]
    yield f"What the kernel shows to user space ({found.count} names listed on the tip){'' if told else ': no change'}"
    yield from (f"  {one}" for one in told[:_LINES])
    if len(told) > _LINES:
        yield f"  and {len(told) - _LINES} lines more"
    yield from _left_out(found)
    yield from _skeletons(run, found.changes)
    yield ""


def _capabilities(run: RunResult, changes: Sequence[Change]) -> Iterator[str]:
    """The new ones of KVM, those that the kernel has no answer for among them."""
    for name in _new_capabilities(changes):
        own = [one for one in changes if one.name == name and one.how is How.NEW]
        named = next((one for one in own if one.kind == SurfaceKind.UAPI), None)
        shown = sorted((one for one in own if one.kind in _ADVERTISED), key=lambda one: one.since)
        words = _advertised(run, shown, named) if shown else f"new in the headers {_since(run, own[0])}: {_SILENT}"
        yield f"{line(name)} is {words}; {_promise(run, name)}"


def _advertised(run: RunResult, shown: Sequence[Change], named: Change | None) -> str:
    only = f" as a {_kind(shown[0].kind)} alone" if len(shown) == 1 else ""
    if named is not None and named.since != shown[0].since:
        only += f" (in the headers {_since(run, named)})"
    return f"new {_since(run, shown[0])}{only}"


def _new_capabilities(changes: Iterable[Change]) -> list[str]:
    kinds = (SurfaceKind.UAPI, *_ADVERTISED)
    new = (one.name for one in changes if one.how is How.NEW and one.kind in kinds and one.name.startswith(_CAP))
    return sorted(set(new))


def _promise(run: RunResult, name: str) -> str:
    ids = _contracts(run, name)
    if not ids:
        return "no contract says what it promises"
    return f"the contract {few(ids)} says what it promises"


def _contracts(run: RunResult, name: str) -> list[str]:
    return sorted({one.id for state in run.states for one in state.contracts if one.capability == name})


def _others(run: RunResult, changes: Sequence[Change]) -> Iterator[str]:
    """What else became so, in the order of the patches: by how, since when and of which kind."""
    told = {*_new_capabilities(changes)}
    groups: dict[tuple[str, str, str], list[str]] = {}
    for one in sorted(changes, key=lambda one: one.since):
        if one.how is not How.NEW or one.name not in told:
            groups.setdefault((one.how, _since(run, one), one.kind), []).append(_name(one))
    for (how, since, kind), names in groups.items():
        yield f"{how} {since}, {_kind(kind)}: {few(names, _FEW)}"


def _kind(kind: str) -> str:
    """In words; a result of another version may have one that is not known here."""
    return {known.value: words for known, words in _KINDS.items()}.get(kind, line(kind))


def _name(one: Change) -> str:
    if one.how is How.CHANGED:
        return f"{one.name} from {one.before} to {one.after}"
    more = one.called or (one.after or one.before if one.kind == SurfaceKind.KVM_CAP_VALUE else "")
    return f"{one.name} ({more})" if more else one.name


def _since(run: RunResult, one: Change) -> str:
    """From which patch on, as far as prefixes have told."""
    count = len(run.series.patches)
    first = f"from {one.since}/{count} on"
    if one.known + 1 < one.since:
        first = f"somewhere from {one.known + 1}/{count} to {one.since}/{count} on"
    return f"{first}, but not in {few([f'prefix-{number}' for number in one.otherwise])}" if one.otherwise else first


def _left_out(found: surface.Surface) -> Iterator[str]:
    if found.unlisted:
        kinds = [_kind(kind) for kind in found.unlisted]
        yield f"  not compared, since base or the tip has not listed it whole: {few(kinds, _FEW)}"
    if found.unstable:
        names = [name for _, name in found.unstable]
        yield f"  left out, since two boots of one kernel do not both show it: {few(names, _FEW)}"


def _skeletons(run: RunResult, changes: Sequence[Change]) -> Iterator[str]:
    """For capabilities of which no contract says what they promise."""
    names = [name for name in _new_capabilities(changes) if not _contracts(run, name)]
    if names:
        yield _BEGINS
    for name in names[:_SKELETONS]:
        yield from (f"    {one}" for one in surface.skeleton(name).splitlines())
        yield ""
