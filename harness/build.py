# SPDX-License-Identifier: GPL-2.0-only
"""A source tree -> a kernel and an initramfs: configure and make, in one build folder that persists.

A worker has one source folder, which git updates in place, and one build folder per configuration, so
that make compiles what changed. ccache answers for what it has compiled before in another order.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from harness import proc, resources, warnings
from harness.arch import Arch
from harness.boot import initramfs
from harness.errors import InfraError, InputError
from harness.model import Build
from harness.trees import TreeStore

Compiled = Callable[[str], None]
"""Called with each line of make's output that says what it works on ("CC virt/kvm/kvm_main.o")."""

BUILD_SECONDS = 3600.0
"""The longest that one state may build."""

# Kconfig reads Kconfig files, Makefiles and what scripts answer: never these.
_NOT_CONFIG = frozenset({".c", ".h", ".S", ".rst", ".txt", ".yaml", ".dts", ".dtsi"})
_ERROR = re.compile(
    rb"^\S+:(\d+:)* (fatal )?error: |^\S*\bld: (?!warning)|undefined reference|^(error|ERROR): |Error: "
    rb"|^\S*Kconfig\S*:\d+: |^\S+:\d+: \*\*\* |^make(\[\d+\])?: \*\*\* "
)
_MAKE_WORD = re.compile(r"^\w+=.*$")
_MAKE_GAVE_UP = re.compile(rb"^make(\[\d+\])?: \*\*\* ")
_MAX_ERRORS = 8
_STEP = re.compile(rb"^  (?:CC|AS|LD|AR|LINK)\s+(\S+)")
_OPTION = re.compile(r"^(?:(?P<name>CONFIG_\w+)=(?P<value>.*)|# (?P<unset>CONFIG_\w+) is not set)$", re.MULTILINE)


@dataclass(frozen=True)
class Config:
    """The fragments that make a configuration, joined, and words for make; ``hash`` names both."""

    text: str
    make: tuple[str, ...] = ()

    @classmethod
    def read(cls, fragments: tuple[Path, ...], make: tuple[str, ...] = ()) -> "Config":
        """Join fragments: of an option that stands in two, the last counts. Raises InputError."""
        for word in make:
            if not _MAKE_WORD.match(word):
                raise InputError(f"--make {word}: expected NAME=VALUE, as in --make LLVM=1")
        try:
            return cls("".join(fragment.read_text() + "\n" for fragment in fragments), make)
        except OSError as error:
            raise InputError(f"cannot read the config fragment {error.filename}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise InputError(f"a config fragment is not text: {error}") from error

    @property
    def hash(self) -> str:
        return hashlib.sha256("\0".join([self.text, *self.make]).encode()).hexdigest()[:16]

    @property
    def llvm(self) -> bool:
        """True where make is told to use clang (Documentation/kbuild/llvm.rst)."""
        return any(word.startswith("LLVM=") for word in self.make)

    def dropped_by(self, config: str) -> tuple[str, ...]:
        """The options asked for here that a .config does not have, as ``CONFIG_X=y``."""
        asked, got = _options(self.text), _options(config)
        return tuple(f"{name}={value}" for name, value in asked.items() if got.get(name, "n") != value)


def _options(text: str) -> dict[str, str]:
    return {m["name"] or m["unset"]: m["value"] or "n" for m in _OPTION.finditer(text)}


def toolchain(arch: Arch, config: Config) -> str:
    """What compiles, in one line: part of what a result depends on. Raises InfraError when it is not there."""
    gcc = f"{arch.cross_prefix}gcc"
    needed = {"clang": "clang", "ld.lld": "lld"} if config.llvm else {gcc: "gcc", f"{arch.cross_prefix}ld": "binutils"}
    needed |= {gcc: "gcc"}  # the probes' compiler, whatever the kernel's is
    versions = [proc.run([proc.require(tool, package), "--version"], seconds=30) for tool, package in needed.items()]
    return " / ".join(done.text.splitlines()[0] for done in versions)


def make_argv(
    arch: Arch, config: Config, source: Path, obj: Path, targets: tuple[str, ...], jobs: int, cache: str = "ccache "
) -> list[str]:
    """make's command line; ``cache`` goes before the compilers.

    The KBUILD_BUILD_* keep time, user and host out of the image.
    """
    cc, host_cc = ("clang", "clang") if config.llvm else (f"{arch.cross_prefix}gcc", "gcc")
    return [
        "make",
        f"-j{jobs}",
        "--output-sync=target",  # what the compiler says stands below the step that it is about
        "-C",
        str(source),
        f"O={obj}",
        f"ARCH={arch.make_arch}",
        f"CROSS_COMPILE={arch.cross_prefix}",
        f"CC={cache}{cc}",
        f"HOSTCC={cache}{host_cc}",
        # Line tables, and of all debug info only these: what decodes a call trace, for 2 % of a compiler's time.
        # Without the folders' names, an image does not depend on where it was built.
        f"KCFLAGS=-g1 -fdebug-prefix-map={source}/= -fdebug-prefix-map={obj}=.",
        "KBUILD_BUILD_TIMESTAMP=@0",
        "KBUILD_BUILD_USER=kseries",
        "KBUILD_BUILD_HOST=kseries",
        "KBUILD_BUILD_VERSION=1",
        *config.make,
        *targets,
    ]


def errors_of(log: bytes, source: Path) -> tuple[str, ...]:
    """The compiler's own error lines, paths as they are in the tree; what make says only when there are none."""
    found = [line for line in log.splitlines() if _ERROR.search(line)]
    own = [line for line in found if not _MAKE_GAVE_UP.search(line)] or found or log.splitlines()[-3:]
    return tuple(line.decode(errors="replace").replace(f"{source}/", "").strip() for line in own[:_MAX_ERRORS])


class Worker:
    """One place to build in: a source folder, build folders, and a lock that a second run respects.

    ``cached=False`` is for measuring and proving: it compiles everything itself, in a build folder of its own.
    """

    def __init__(
        self, home: Path, store: TreeStore, arch: Arch, config: Config, jobs: int, *, cached: bool = True
    ) -> None:
        self._home = home
        self._store = store
        self._arch = arch
        self._config = config
        self._jobs = jobs
        self._source = home / "source"
        self._obj = home / (f"{arch.name}-{config.hash}" + ("" if cached else "-uncached"))
        self._cache = "ccache " if cached else ""
        self._ccache = resources.cache("ccache")

    @contextlib.contextmanager
    def locked(self, wait: Callable[[], None]) -> Iterator[None]:
        """Hold this worker; ``wait`` is called once if another run of kseries holds it."""
        self._home.mkdir(parents=True, exist_ok=True)
        with (self._home / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                wait()
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def clean(self) -> None:
        """Remove the build folder: the next build starts from nothing."""
        shutil.rmtree(self._obj, ignore_errors=True)

    async def build(self, tree: str, into: Path, compiled: Compiled) -> Build:
        """Build a tree; ``build.log``, the kernel and the initramfs are put into ``into``.

        Raises InfraError when this host, not the tree, is why it failed.
        """
        began = time.monotonic()
        into.mkdir(parents=True, exist_ok=True)
        log = into / "build.log"
        with log.open("wb") as output:
            make = _Make(self._box(), output, proc.Deadline.after(BUILD_SECONDS), compiled)
            try:
                dropped, ok = await self._make(tree, make)
            except proc.DeadlineError:
                dropped, ok = (), False
                output.write(f"error: make was still at work after {BUILD_SECONDS / 60:.0f} minutes\n".encode())
        built = log.read_bytes()
        if not ok and b"No space left on device" in built:
            raise InfraError(
                f"the disk is full: {self._home}\n  finished states are kept; free some space and run again"
            )
        said = warnings.said_of(built.decode(errors="replace"), self._source)
        warned = warnings.update(self._obj / "warnings.json", said)
        if ok:
            shutil.copyfile(self._obj / self._arch.kernel_path, into / "kernel")
            initramfs.write(into / "initrd.cpio", self._obj / "guests")
        return Build(
            ok=ok,
            seconds=time.monotonic() - began,
            errors=() if ok else errors_of(built, self._source),
            warnings=warned,
            config_dropped=dropped,
            log=str(log),
            kernel=str(into / "kernel") if ok else None,
            initrd=str(into / "initrd.cpio") if ok else None,
        )

    async def _make(self, tree: str, make: "_Make") -> tuple[tuple[str, ...], bool]:
        """Check out, configure, compile: the options that Kconfig dropped, and whether all went well."""
        self._obj.mkdir(parents=True, exist_ok=True)
        self._ccache.mkdir(parents=True, exist_ok=True)
        with _marked(self._obj):
            before = self._configured()
            await asyncio.to_thread(self._store.check_out, tree, self._source, self._home / "index")
            if before is None or self._config_may_differ(before, tree):
                (self._obj / "configured").unlink(missing_ok=True)
                fragment = self._obj / "fragment.config"
                fragment.write_text(self._tiny() + self._config.text)
                if not await make(self._kernel_argv(f"KCONFIG_ALLCONFIG={fragment}", "allnoconfig")):
                    return (), False
            (self._obj / "configured").write_text(tree)
            dropped = self._config.dropped_by((self._obj / ".config").read_text())
            ok = await make(self._kernel_argv(self._arch.kernel_target, "headers")) and await make(self._guests_argv())
            return dropped, ok

    def _configured(self) -> str | None:
        """The tree that the build folder was last configured for."""
        note = self._obj / "configured"
        return note.read_text() if note.exists() else None

    def _config_may_differ(self, old: str, new: str) -> bool:
        return any(PurePosixPath(path).suffix not in _NOT_CONFIG for path in self._store.changed_paths(old, new))

    def _tiny(self) -> str:
        """What tinyconfig puts over allnoconfig (scripts/kconfig/Makefile), so that Kconfig need run only once."""
        places = ("kernel/configs/tiny-base.config", "kernel/configs/tiny.config", "arch/x86/configs/tiny.config")
        return "".join(path.read_text() for name in places if (path := self._source / name).exists())

    def _kernel_argv(self, *targets: str) -> list[str]:
        return make_argv(self._arch, self._config, self._source, self._obj, targets, self._jobs, self._cache)

    def _guests_argv(self) -> list[str]:
        return [
            "make",
            f"-j{self._jobs}",
            f"--directory={resources.project('guests')}",
            f"OUT={self._obj / 'guests'}",
            f"ARCH={self._arch.name}",
            f"CC={self._cache}{self._arch.cross_prefix}gcc",
            f"HEADERS={self._obj / 'usr' / 'include'}",
        ]

    def _box(self) -> proc.Box:
        return proc.Box(
            writable=(self._obj, self._ccache),
            readable=(self._source, resources.project("guests")),
            env={"CCACHE_DIR": str(self._ccache), "CCACHE_MAXSIZE": "20G"},
        )


@contextlib.contextmanager
def _marked(obj: Path) -> Iterator[None]:
    """Start afresh where an earlier build was killed, and leave a mark while this one is at work.

    A killed compiler can leave half an object that make takes for a whole one. ccache knows the others.
    """
    mark = obj / "interrupted"
    # Nor can a folder be gone on with whose warnings are not known: they would all look new.
    if mark.exists() or not (obj / "warnings.json").exists():
        for place in obj.iterdir():
            shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()
    mark.touch()
    yield
    mark.unlink()


@dataclass(frozen=True)
class _Make:
    """Runs one make after another in the same box, into the same log, before the same deadline."""

    box: proc.Box
    log: IO[bytes]
    deadline: proc.Deadline
    compiled: Compiled

    async def __call__(self, argv: list[str]) -> bool:
        async with proc.start(argv, self.box) as make:
            async for line in make.lines(self.deadline):
                self.log.write(line + b"\n")
                if step := _STEP.match(line):
                    self.compiled(step[1].decode(errors="replace"))
            status = await make.wait(self.deadline)
        self.log.flush()
        return status == 0
