# SPDX-License-Identifier: GPL-2.0-only
"""What a TARGET is: a test case, patches in a directory, a queue or mails, or a range of commits."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from kseries.host import untrusted
from kseries.inputs import (
    bundle,
    files,
    gitrange,
    lore,
    maildir,
    mbox,
    patchdir,
    quilt,
    tarball,
    testcase,
    thread,
    variants,
)
from kseries.inputs.gitrange import Walk
from kseries.inputs.target import Target
from kseries.inputs.testcase import Expected, ExpectedFinding, TestCase
from kseries.model.errors import InfraError, InputError, in_words
from kseries.model.sanitize import named
from kseries.probes import commands
from kseries.probes.commands import Run
from kseries.probes.programs import Program
from kseries.sources import kernels
from kseries.sources.repository import commit_of

__all__ = ["Expected", "ExpectedFinding", "Target", "TestCase", "Walk", "load"]

FORMS = (
    "a test case, an mbox, a maildir, a directory or tarball of patches, a quilt series, REV..REV, a git bundle,"
    " a message-id, or -"
)

_HEADER = re.compile(rb"^(?:From|Subject|Date|Message-ID):", re.IGNORECASE | re.MULTILINE)
"""A mail has one of them."""


def load(target: str, tree: str | None = None, reroll: int | None = None, walk: Walk | None = None) -> Target:
    """Read a TARGET; ``tree`` is --tree, which a range needs, ``reroll`` is -v N. With ``walk`` it may be a range with
    merges. Raises InputError.
    """
    found = _load(target, tree, reroll, walk)
    if reroll is not None and found.series.version != reroll:
        raise InputError(f"-v {reroll}: {target} is v{found.series.version} of {found.series.name}, and no other")
    return _readable(found)


def _readable(target: Target) -> Target:
    """The same, with names that can be kept: those of the files that it was read from may be no UTF-8."""
    patches = tuple(msgspec.structs.replace(patch, origin=named(patch.origin)) for patch in target.series.patches)
    series = msgspec.structs.replace(target.series, name=named(target.series.name), patches=patches)
    return msgspec.structs.replace(target, series=series)


def _load(target: str, tree: str | None, reroll: int | None, walk: Walk | None) -> Target:
    if target == "-":
        return _data(files.standard_input(), "standard input", tree, reroll)
    path = Path(target)
    try:
        if path.is_dir():
            return _directory(path, reroll)
        exists = path.exists()
    except OSError as error:
        raise InputError(f"cannot read {target[:200]}: {in_words(error)}") from error
    if exists:
        return _file(path, tree, reroll)
    of_bundle = target.rpartition(":")
    if (data := _bundle(Path(of_bundle[0]))) is not None:
        return bundle.read(data, of_bundle[0], of_bundle[2], Path(kernels.called(tree or ".")))
    lore.check_no_repository(target)
    if lore.is_one(target):
        return lore.read(target, reroll)
    if ".." in target and ".." not in path.parts:  # ../typo is no range: no name of a revision has "/../" in it
        return _range(Path(kernels.called(tree or ".")), target, walk)
    raise _unknown(target, Path(kernels.called(tree or ".")))


def _unknown(target: str, repository: Path) -> InputError:
    """What to raise for a name that is none of a TARGET: it may be that of a branch."""
    with contextlib.suppress(InputError, InfraError):  # then nobody knows
        if target.isprintable() and repository.is_dir() and commit_of(repository, target) is not None:
            whole = f"BASE..{target} --tree {repository}"
            return InputError(f"{target} is one revision, and no series\n  name a range: {whole}")
    return InputError(f"no such TARGET: {target}\n  it takes {FORMS}")


def _range(repository: Path, revisions: str, walk: Walk | None) -> Target:
    if walk is not None and (found := gitrange.history(repository, revisions, walk)) is not None:
        series, history = found
        return Target(series=series, tree=str(repository), base=history.good, history=history)
    series, fork = gitrange.read(repository, revisions)
    return Target(series=series, tree=str(repository), base=fork)


def _directory(path: Path, reroll: int | None) -> Target:
    """The series in a directory, with the contracts, the probes and the host-side tests that lie in it."""
    whole = path / "contracts.toml"
    contracts = (*([whole] if whole.exists() else []), *sorted(path.glob("contracts/*.toml")))
    programs = tuple(sorted(path.glob("probes/*.c")))
    tests = tuple(sorted(path.glob("tests/test_*.py")))
    _check_inside(path, (*contracts, *programs, *tests, *(sorted(path.glob("tests/*.[ch]")) if tests else ())))
    found = _series(path, reroll)
    runs = (*found.runs, *_runs(path))
    return msgspec.structs.replace(found, contracts=contracts, programs=programs, host_tests=tests, runs=runs)


def _runs(path: Path) -> tuple[Run, ...]:
    """The commands of a directory that is no test case, or beside those of one."""
    untrusted.check_inside(path / commands.FILE, path)
    return commands.read(path / commands.FILE) if (path / commands.FILE).exists() else ()


def _check_inside(top: Path, brought: Iterable[Path]) -> None:
    """Raise InputError for what a TARGET brings and has not: what a probe includes can end up in a report."""
    for file in brought:
        untrusted.check_inside(file, top)
        for header in Program(file.stem, Path(os.path.realpath(file)), "").headers:
            untrusted.check_inside(header, top)


def _series(path: Path, reroll: int | None) -> Target:
    for name in (testcase.FILE, *quilt.NAMES):
        untrusted.check_inside(path / name, path)
    if (path / testcase.FILE).exists():
        case = testcase.read(path / testcase.FILE)
        found = patchdir.read(path / "patches", top=path)
        series = msgspec.structs.replace(found.series, name=path.resolve().name)
        asked = variants.of(case.variant, path)
        for fragment in (Path(one) for _, variant in asked for one in variant.config if one not in variants.WORDS):
            untrusted.check_inside(fragment, path)
        return msgspec.structs.replace(
            found, series=series, tree=case.tree, testcase=case, runs=case.run, variants=asked
        )
    if (queue := quilt.in_directory(path)) is not None:
        return queue
    if maildir.is_one(path):
        return thread.series(maildir.read(path), path.resolve().name, reroll)
    return patchdir.read(path, reroll)


def _file(path: Path, tree: str | None, reroll: int | None) -> Target:
    data = files.read(path)
    return quilt.read(path) if quilt.is_one(path, data) else _data(data, path.name, tree, reroll)


def _bundle(path: Path) -> bytes | None:
    """The bundle that a file is, of which a TARGET names a part, as in ``topic.bundle:v6.12..topic``; else None."""
    if not path.is_file():
        return None
    data = files.read(path)
    return data if bundle.is_one(data) else None


def _data(data: bytes, name: str, tree: str | None, reroll: int | None) -> Target:
    if bundle.is_one(data):
        return bundle.read(data, name, "", Path(kernels.called(tree or ".")))
    if tarball.is_one(data):
        return _tarball(data, name, reroll)
    if not data.strip():
        raise InputError(f"{name} is empty")
    found = mbox.read(data, name)
    if not (any(one.has_diff for one in found) or _HEADER.search(data)):
        raise InputError(f"{name} is no mbox and no diff\n  TARGET may be {FORMS}")
    return thread.series(found, name, reroll)


def _tarball(data: bytes, name: str, reroll: int | None) -> Target:
    """The series in a tarball. It has no contracts and no probes: they would have to outlive what is unpacked here."""
    with tempfile.TemporaryDirectory(prefix="kseries-tar-") as scratch:
        top = Path(scratch) / name
        top.mkdir()
        others = tarball.unpack(data, name, top)
        try:
            place = tarball.place(top)
            tarball.check_links((path for path in others if path.is_relative_to(place)), top, name)
            found = _series(place, reroll)
        except InputError as error:
            raise InputError(str(error).replace(f"{scratch}/", "")) from error
        notes = [*found.notes, *_left_out(place, others, name)]
    told = tuple(note.replace(f"{scratch}/", "") for note in notes)
    series = msgspec.structs.replace(found.series, name=tarball.bare(name))
    return msgspec.structs.replace(found, series=series, notes=told)


def _left_out(place: Path, others: Iterable[Path], name: str) -> Iterator[str]:
    """Notes on what a tarball has where its series lies, and what is not taken of it."""
    links = [path for path in others if path.is_relative_to(place)]
    if links:
        more = f" and {len(links) - 1} more" if len(links) > 1 else ""
        yield f"{name}: passed over, for it is no plain file: {links[0].relative_to(place)}{more}"
    if any((place / brought).exists() for brought in ("contracts.toml", "contracts", "probes", "tests", commands.FILE)):
        yield f"{name}: its contracts, probes and tests are left out: unpack it, and name the folder"
