# SPDX-License-Identifier: GPL-2.0-only
"""What this host can do and what it lacks: each thing tried as a run would use it, nothing changed or fetched."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from kseries import arch as archs
from kseries.arch import Arch
from kseries.guest import trial, userland
from kseries.host import processes, signals
from kseries.kbuild import checkpatch, hostlacks
from kseries.model import Machine, Record
from kseries.model.errors import InfraError, KseriesError
from kseries.sources import archive, debian, gitversion, kernels
from kseries.sources.archive import Archive

ROOM = 3 * 1024**3
"""Bytes that a first run takes in the cache: source, build folder, objects that ccache keeps."""

_SECONDS = 30.0
_GIB = 1024**3


class Item(Record, frozen=True):
    """One thing that was looked at. A run is possible when every ``needed`` one is ``ok``."""

    name: str
    ok: bool
    said: str
    """What was found, or what its lack means."""
    needed: bool = True
    package: str | None = None
    """The Debian package that brings it, where one would."""


def examine(arch: Arch, cache: Path) -> Iterator[Item]:
    """Look at everything that a run for ``arch`` uses, in the order in which it is met."""
    yield _accelerator(arch)
    yield _tool(arch.qemu, arch.qemu_package)
    yield _box()
    yield _git()
    for tool, package in dict(_build_tools(arch)).items():  # on x86-64 two are the same gcc
        yield _tool(tool, package)
    # The first is for the guests' init and probes, the others for the kernel's own tools.
    headers = {(f"{arch.toolchain.prefix}gcc", "stdio.h"): arch.toolchain.libc_package, **_HOST_HEADERS}
    for (compiler, header), package in headers.items():
        yield _header(compiler, header, package)
    yield _sparse()
    yield _perl()
    yield _userlands(arch, cache)
    yield _cache(cache)
    yield _kernel_source(cache)
    yield _other_kernels(cache)


def possible(items: tuple[Item, ...]) -> bool:
    """True where nothing that a run needs is missing."""
    return all(item.ok for item in items if item.needed)


def packages(items: tuple[Item, ...]) -> tuple[str, ...]:
    """The Debian packages that would bring what is missing."""
    return tuple(dict.fromkeys(item.package for item in items if not item.ok and item.package is not None))


def _build_tools(arch: Arch) -> tuple[tuple[str, str], ...]:
    """What the kernel's Makefiles call (Documentation/process/changes.rst), and what our build adds."""
    return (
        ("gcc", "gcc"),
        (f"{arch.toolchain.prefix}gcc", arch.toolchain.compiler_package),
        (f"{arch.toolchain.prefix}ld", arch.toolchain.binutils_package),
        ("make", "make"),
        ("bison", hostlacks.PROGRAMS["bison"]),
        ("flex", hostlacks.PROGRAMS["flex"]),
        ("bc", hostlacks.PROGRAMS["bc"]),
        ("xz", hostlacks.PROGRAMS["xz"]),
        ("ccache", "ccache"),
    )


_HOST_HEADERS = {
    ("gcc", "stdio.h"): "libc6-dev",
    ("gcc", "gelf.h"): hostlacks.HEADERS["gelf.h"],  # objtool
    ("gcc", "openssl/opensslv.h"): hostlacks.HEADERS["openssl/*.h"],  # scripts/sign-file, certs/
}


# --- the single things --------------------------------------------------------------------------


def _accelerator(arch: Arch) -> Item:
    accel = arch.accel()
    nests = not archs.translates(accel)
    slow = "" if nests else f"; guests run under {accel.name.upper()}, which is slower"
    fast = "; --accel kvm runs them on its CPU, without guests of their own" if not nests and _has_kvm(arch) else ""
    return Item(name="nested guests", ok=nests, said=f"{accel.why}{slow}{fast}", needed=False)


def _has_kvm(arch: Arch) -> bool:
    """Whether QEMU, in its box, starts a machine under KVM."""
    machine = Machine(accel="kvm")
    try:
        signals.run(trial.check(arch, archs.accel_for(arch, machine), machine))
    except KseriesError:
        return False
    return True


def _tool(name: str, package: str) -> Item:
    """A program that is there and runs."""
    if shutil.which(name) is None:
        return Item(name=name, ok=False, said="not installed", package=package)
    done = _run(name, "--version")
    if done.returncode != 0:
        why = _first_line(done.stderr.decode(errors="replace")) or f"exit status {done.returncode}"
        return Item(name=name, ok=False, said=f"does not run: {why}")
    return Item(name=name, ok=True, said=_first_line(done.text))


def _sparse() -> Item:
    item = _tool("sparse", "sparse")
    said = item.said if item.ok else f"{item.said}; only --make C=1 and C=2 need it: apt-get install sparse"
    # No package: what doctor tells to install is what every run needs.
    return msgspec.structs.replace(item, said=said, needed=False, package=None)


def _perl() -> Item:
    """Perl with the modules of checkpatch.pl, which perl-base alone does not have."""
    try:
        checkpatch.require()
    except InfraError as error:
        said = f"{_first_line(str(error))}; only --checkpatch needs it: apt-get install {checkpatch.PACKAGE}"
        return Item(name="perl", ok=False, said=said, needed=False)
    return Item(name="perl", ok=True, said=f"has what {checkpatch.SCRIPT} uses", needed=False)


def _userlands(arch: Arch, cache: Path) -> Item:
    """What makes them, and those that are made: a run with one of these needs no network."""
    tool, made = _tool("tar2sqfs", userland.TOOLS), userland.made(arch, cache)
    here = f"; made for {arch.name}: {', '.join(made)}" if made else ""
    if not tool.ok:
        said = f"tar2sqfs: {tool.said}; only --userland needs it: apt-get install {userland.TOOLS}{here}"
        return Item(name="userlands", ok=False, said=said, needed=False)
    if (why := archive.missing()) is not None:
        return Item(name="userlands", ok=bool(made), said=f"of folders and images only: {why}{here}", needed=False)
    return Item(name="userlands", ok=True, said=f"{tool.said}{here}", needed=False)


def _git() -> Item:
    item = _tool("git", "git")
    old = gitversion.too_old(item.said) if item.ok else None
    return item if old is None else Item(name="git", ok=False, said=old)


def _box() -> Item:
    """bwrap, in a box as a build gets it: it may be there and have no right to make namespaces."""
    item = _tool("bwrap", "bubblewrap")
    if not item.ok:
        return item
    try:
        status, words = signals.run(_try_box())
    except processes.DeadlineError:
        status, words = 1, f"no answer in {_SECONDS:.0f} s"
    if status == 0:
        return item
    why = f"{words or f'exit status {status}'} (user namespaces allowed?)"
    said = f"cannot make a box: {why}; --unboxed does without one, for series that you trust"
    return Item(name="bwrap", ok=False, said=said)


async def _try_box() -> tuple[int, str]:
    """The exit status of ``true`` in a box, and the last line that was said."""
    deadline = processes.Deadline.after(_SECONDS)
    async with processes.start(["true"], processes.Box(writable=())) as running:
        lines = [line async for line in running.lines(deadline)]
        said = lines[-1].decode(errors="replace") if lines else ""
        try:
            return await running.wait(deadline), said
        except InfraError:
            return 1, said


def _header(compiler: str, header: str, package: str) -> Item:
    """A header that the compiler finds, wherever this distribution keeps it."""
    name = header if compiler == "gcc" else f"{header} for {compiler}"
    if shutil.which(compiler) is None:
        return Item(name=name, ok=False, said=f"not known without {compiler}", package=package)
    done = _run(compiler, "-E", "-x", "c", "-o", "/dev/null", "-", stdin=f"#include <{header}>\n")
    if done.returncode == 0:
        return Item(name=name, ok=True, said="found")
    return Item(name=name, ok=False, said="not installed", package=package)


def _cache(cache: Path) -> Item:
    """Room in the cache, measured at the part of its path that exists."""
    place = next(path for path in (cache, *cache.parents) if _exists(path))
    free = shutil.disk_usage(place).free
    said = f"{cache}: {free / _GIB:.1f} GiB free"
    if not _writable(place):
        return Item(name="cache", ok=False, said=f"{cache}: {place} is not writable; set XDG_CACHE_HOME")
    if free < ROOM:
        return Item(name="cache", ok=False, said=f"{said}, a first run takes {ROOM / _GIB:.0f}; set XDG_CACHE_HOME")
    return Item(name="cache", ok=True, said=said)


def _exists(path: Path) -> bool:
    """False too where nobody lets us look."""
    try:
        return path.exists()
    except OSError:
        return False


def _writable(place: Path) -> bool:
    """Ask by doing: access(2) says yes to root on a read-only file system."""
    try:
        with tempfile.TemporaryFile(dir=place):
            return True
    except OSError:
        return False


def _kernel_source(cache: Path) -> Item:
    """The default base: imported before, or to be had. A run on another --tree needs neither."""
    package = kernels.DEFAULT.removeprefix(debian.PREFIX)
    known = Archive(cache).known()
    offers = known.of(package) if known is not None else ()
    if _exists(cache / "bases" / f"{package}.json"):
        return Item(name=package, ok=True, said="in the cache", needed=False)
    if offers:
        return Item(name=package, ok=True, said=f"Debian has {offers[0].told}", needed=False)
    rows = _run("apt-cache", "madison", package).text.splitlines()
    versions = [row.split("|")[1].strip() for row in rows if row.count("|") == 2]
    if versions:
        return Item(name=package, ok=True, said=f"apt has {versions[0]}", needed=False)
    why = archive.missing()
    said = f"{why}: it comes from kernel.org, or name a --tree" if why else "not known: a run looks for it in Debian"
    return Item(name=package, ok=False, said=said, needed=False)


def _other_kernels(cache: Path) -> Item:
    """The other kernels that have a name, as far as that is known without asking anybody."""
    known, here = Archive(cache).known(), debian.imported(cache)
    had = [f"{one.release} ({one.version})" for one in known.newest()] if known is not None else []
    parts = [f"imported: {', '.join(name.removeprefix(debian.PREFIX) for name in here)}"] if here else []
    if known is not None:
        parts.append(f"Debian has {', '.join(had) or 'none'}, as of {_ago(known.age)}")
    else:
        parts.append("what Debian has was not looked up yet: --tree debian: does")
    return Item(name="kernel sources", ok=bool(here or had), said="; ".join(parts), needed=False)


def _ago(seconds: float) -> str:
    hours = int(seconds / 3600)
    return f"{hours // 24} days ago" if hours >= 48 else f"{hours} hours ago" if hours > 1 else "just now"


def _run(*argv: str, stdin: str = "") -> processes.Done:
    """What a tool answers; one that cannot be started, or does not end, has failed."""
    try:
        return processes.run(argv, seconds=_SECONDS, stdin=stdin.encode())
    except (InfraError, OSError) as error:
        return processes.Done(127, b"", str(error).encode())


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
