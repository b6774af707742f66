# SPDX-License-Identifier: GPL-2.0-only
"""The base's own scripts/checkpatch.pl on each patch of a series: advice, which judges nobody.

It is given what ``git format-patch`` would write, so that it can read the changelog too, and of the tree it sees
nothing but its own word lists (--no-tree): what it says depends on the patch and on the base's script alone.
"""

import re
import tempfile
from pathlib import Path, PurePosixPath

from kseries.host import processes
from kseries.host.box.layout import Layout
from kseries.model import Base, Checkpatch, Patch, PatchRemarks, Remark, Series, Severity
from kseries.model.errors import InfraError
from kseries.sources import TreeStore

SCRIPT = "scripts/checkpatch.pl"
PACKAGE = "perl"
"""What brings the modules that the script uses; perl-base, which every Debian has, lacks some."""

_BESIDE = ("scripts/spelling.txt", "scripts/const_structs.checkpatch")
_NO_HOME = "/nonexistent"
"""Debian Policy (9.2.3): the home folder of who has none."""
_MODULES = ("Encode", "Term::ANSIColor")
_OPTIONS = ("--no-tree", "--color=never", "--show-types")
_SECONDS = 120.0
"""For one patch; the script takes a fifth of a second for most."""
_MAX_OUTPUT = 16 << 20
_REMARK = re.compile(r"(?P<severity>ERROR|WARNING|CHECK):(?P<type>\w+): (?P<message>.*)")
_PLACE = re.compile(r"#\d+: FILE: (?P<file>.+):(?P<line>\d{1,9}):")
_DASHES = re.compile(rb"---[ \t\r]*\n")


def require() -> None:
    """Raise InfraError where perl, or what the script uses of it, is not there."""
    perl = processes.require("perl", PACKAGE)
    if processes.run([perl, *(f"-M{module}" for module in _MODULES), "-e", "1"], seconds=_SECONDS).returncode != 0:
        raise InfraError(f"perl lacks modules that {SCRIPT} uses\n  install them with: apt-get install {PACKAGE}")


async def check(series: Series, base: Base, trees: TreeStore) -> Checkpatch:
    """What the base's script says of each patch; nothing, and why, where the base has none. Raises InfraError."""
    script = trees.file(base.tree, SCRIPT)
    if script is None:
        return Checkpatch(missing=f"{base.name} has no {SCRIPT}")
    with tempfile.TemporaryDirectory(prefix="kseries-checkpatch-") as scratch:
        place = Path(scratch)
        (place / PurePosixPath(SCRIPT).name).write_bytes(script)
        for name in _BESIDE:
            (place / PurePosixPath(name).name).write_bytes(trees.file(base.tree, name) or b"")
        return Checkpatch(patches=tuple([await _remarks(patch, place, trees) for patch in series.patches]))


async def _remarks(patch: Patch, place: Path, trees: TreeStore) -> PatchRemarks:
    mail = place / f"{patch.number}.patch"
    mail.write_bytes(as_mail(patch, trees))
    # HOME: there could be a .checkpatch.conf of the user's in it.
    env = {"HOME": _NO_HOME}
    box = processes.Box(writable=(), readable=(place,), layout=Layout.of({"checkpatch": place}), cwd=place, env=env)
    deadline = processes.Deadline.after(_SECONDS)
    lines: list[str] = []
    size = 0
    try:
        async with processes.start(["perl", PurePosixPath(SCRIPT).name, *_OPTIONS, mail.name], box) as perl:
            async for line in perl.lines(deadline):
                size += len(line)
                if size > _MAX_OUTPUT:
                    return PatchRemarks(number=patch.number, failed=f"{SCRIPT} prints without end")
                lines.append(line.decode(errors="replace"))
            status = await perl.wait(deadline)
    except processes.DeadlineError:
        return PatchRemarks(number=patch.number, failed=f"{SCRIPT} gave no answer in {_SECONDS:.0f} s")
    remarks = parse("\n".join(lines))
    if status not in (0, 1) or (status == 1 and not remarks):
        last = next((line for line in reversed(lines) if line.strip()), "no message")
        return PatchRemarks(number=patch.number, failed=f"{SCRIPT} failed with status {status}: {last.strip()}")
    return PatchRemarks(number=patch.number, remarks=remarks)


def parse(output: str) -> tuple[Remark, ...]:
    """The remarks in what checkpatch.pl printed: blocks, whose second line has the place, where there is one."""
    found: list[Remark] = []
    for block in output.split("\n\n"):
        first, _, rest = block.strip("\n").partition("\n")
        if remark := _REMARK.fullmatch(first):
            place = _PLACE.match(rest)
            found.append(
                Remark(
                    severity=Severity(remark["severity"]),
                    type=remark["type"],
                    message=remark["message"].strip(),
                    file=place["file"] if place else None,
                    line=int(place["line"]) if place else None,
                )
            )
    return tuple(found)


def as_mail(patch: Patch, trees: TreeStore) -> bytes:
    """A patch as a mail, its changelog included; a bare diff stays one."""
    if patch.commit is not None and patch.diff is None:
        return trees.answer("format-patch", "--stdout", "-1", patch.commit)
    diff = patch.diff or b""
    if not (patch.author or patch.message):
        return diff
    head = f"From: {patch.author}\n" if patch.author else ""
    text = f"{head}Subject: [PATCH] {patch.subject}\n\n{patch.message}\n"
    return text.encode(errors="replace") + (b"" if _DASHES.match(diff) else b"---\n") + diff
