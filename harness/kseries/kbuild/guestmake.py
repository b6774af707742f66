# SPDX-License-Identifier: GPL-2.0-only
"""What runs in a guest, beside its kernel: how init, the probes and tests are made in a build folder."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kseries.kbuild import compilers, installed
from kseries.kbuild.guests import Guests
from kseries.kbuild.keptselftests import KeptSelftests
from kseries.kbuild.make import Make
from kseries.model.errors import InfraError
from kseries.probes import install
from kseries.probes.install import Install
from kseries.probes.programs import Program, stage
from kseries.probes.selftests import READ, Bench, Selftest
from kseries.probes.targets import Target


@dataclass(frozen=True)
class Contents:
    """What a guest is to have. ``probes`` are those of ours that are made, None for all of them; ``kept_tests`` is the
    kselftest of every guest, where no tree installs its own.
    """

    probes: tuple[str, ...] | None = None
    programs: tuple[Program, ...] = ()
    selftests: tuple[Selftest, ...] = ()
    targets: tuple[Target, ...] = ()
    sysroot: Path | None = None
    kept_tests: KeptSelftests | None = None

    @property
    def takes_tests(self) -> bool:
        """Whether a tree's own tests are built."""
        return bool(self.selftests or self.targets)

    @property
    def read(self) -> tuple[str, ...]:
        """What more is read without a note than the kernel's build reads."""
        return (*((READ,) if self.selftests else ()), *((install.READ,) if self.targets else ()))

    @property
    def sysroots(self) -> tuple[Path, ...]:
        """The one that there is, or none."""
        return (self.sysroot,) if self.sysroot is not None else ()


class GuestMake:
    """How they are made where ``bench`` says, with ours in ``sources``; notes are left in ``notes``, where nothing that
    is built can write.
    """

    def __init__(self, contents: Contents, bench: Bench, sources: Path, notes: Path) -> None:
        self._contents = contents
        self._bench = bench
        self._sources = sources
        self._obj = bench.obj
        self._inside = bench.layout.inside
        self._notes = Guests(sources, notes)
        self._install = Install(
            bench.arch, bench.source, bench.obj, bench.jobs, bench.cache, bench.layout, contents.sysroot
        )

    def forget(self) -> None:
        """The headers that they are made of are others now."""
        self._notes.forget()

    async def make(self, make: Make, staging: Path) -> bool:
        """Make all of them, programs by way of a folder of ours; False where one of ours does not build.

        Raises InfraError where one of another state stays.
        """
        staged = stage(self._contents.programs, staging)
        ours, theirs = commands = [self._argv(staged, target) for target in ("ours", "theirs")]
        made_by = [*commands, [self._compiler()]]
        await self._clear(make, staged)
        if not self._notes.are_of(made_by, staged):
            self._notes.forget()
            if not await make(ours):
                return False
            if not staged or await make(theirs):  # if not, Build.unbuilt tells what came of it
                self._notes.made(made_by, staged)
        for argv in self._bench.makes(self._contents.selftests):
            await make(argv)
        for argv in self._bench.installs(self._contents.selftests, self._programs):
            await make(argv)
        for argv in self._install.makes(self._contents.targets):
            await make(argv)  # what of it could not be made, the tests themselves tell
        return True

    def unbuilt(self) -> tuple[str, ...]:
        """The programs that are not there, and the tests of which there is but the source."""
        names = [program.name for program in self._contents.programs]
        names += [test.name for test in self._contents.selftests if self._bench.has(test)]
        return tuple(name for name in names if not (self._programs / name).exists())

    def selftest_file(self, name: str) -> str:
        """A file of kselftest as the guest has it; empty where there is none."""
        kept = self._contents.kept_tests
        return kept.text(name) if kept is not None else installed.text(self._obj, name)

    @property
    def kselftest(self) -> Iterable[bytes]:
        """kselftest in the guest, as members of its initramfs."""
        kept = self._contents.kept_tests
        return (kept.path.read_bytes(),) if kept is not None else installed.members(self._obj)

    @property
    def _programs(self) -> Path:
        return self._obj / "guests" / "programs"

    async def _clear(self, make: Make, staged: tuple[Path, ...]) -> None:
        """Remove, in the box, the tests of kselftest that another state or run has put beside the programs."""
        theirs = {program.stem for program in staged}
        left = sorted(one for one in self._programs.glob("*") if one.name not in theirs)
        if not left:
            return
        if folders := [one for one in left if one.is_dir() and not one.is_symlink()]:
            await make(["chmod", "--recursive", "u+rwx", *self._named(folders)])  # or rm might not get into them
        if not await make(["rm", "-rf", *self._named(left)]):
            raise InfraError("what a build has put among the guest's programs cannot be removed\n  run it again")

    def _named(self, places: Iterable[Path]) -> list[str]:
        return [str(self._inside(place)) for place in places]

    def _compiler(self) -> str:
        """Its version: with another one its own headers are others, which make looks at."""
        tools = self._bench.arch.toolchain
        return compilers.version(f"{tools.prefix}gcc", tools.compiler_package)

    def _argv(self, programs: tuple[Path, ...], target: str) -> list[str]:
        arch, probes = self._bench.arch, self._contents.probes
        return [
            "make",
            f"-j{self._bench.jobs}",
            f"--directory={self._inside(self._sources)}",
            f"OUT={self._inside(self._obj) / 'guests'}",
            f"ARCH={arch.name}",
            f"CC={self._bench.cache}{arch.toolchain.prefix}gcc",
            f"AR={arch.toolchain.prefix}ar",
            f"HEADERS={self._inside(self._obj) / 'usr' / 'include'}",
            f"PROGRAMS={' '.join(str(self._inside(program)) for program in programs)}",
            *(() if probes is None else (f"PROBES={' '.join(probes)}",)),
            "--keep-going",
            target,
        ]
