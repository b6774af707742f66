# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own tests of one tree, built alone: against that tree's headers, without its kernel.

They are to run on other trees' kernels: single ones as programs that somebody brings do, whole targets as they are
installed (keptselftests.py). They are built from nothing, in a scratch folder and without ccache, since that is done
once for a tip.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from kseries.arch import Arch
from kseries.host import box, disk, processes
from kseries.host.box import layout
from kseries.host.box.layout import Layout
from kseries.kbuild import artifacts, checkedout, keptselftests, limits
from kseries.kbuild.config import Config
from kseries.kbuild.keptselftests import KeptSelftests
from kseries.kbuild.make import Make, errors_of, ignored_errors, make_argv
from kseries.model import events
from kseries.model.errors import InfraError, InputError
from kseries.model.sanitize import line
from kseries.probes import programs
from kseries.probes.install import Install
from kseries.probes.programs import Program
from kseries.probes.selftests import Bench, Selftest
from kseries.probes.targets import Target
from kseries.sources import TreeStore

_SHOWN = 3
"""Lines of a compiler that an error repeats."""
_MADE = "programs"
"""In the build folder."""


@dataclass(frozen=True)
class Workbench:
    """The home of a worker, in whose source folder a tree is checked out for its tests; ``seconds`` is the longest that
    make may take. ``sysroot`` is what whole targets are compiled against, as Install has it.
    """

    home: Path
    trees: TreeStore
    arch: Arch
    config: Config
    jobs: int
    seconds: float
    boxed: bool = True
    sysroot: Path | None = None

    async def programs(
        self, tree: str, tests: tuple[Selftest, ...], kept: Path, tell: events.Listener
    ) -> tuple[Program, ...]:
        """The tests that a tree has, in their order, kept in the folder ``kept`` by their digests.

        ``tell`` hears what is waited for. Raises InputError for a test that does not build or cannot run in a guest,
        InfraError where this host is why.
        """
        async with self._with_headers(tree, tell):
            errors = await self._make(tests)
            said = "".join(f"\n  {one}" for one in errors[:_SHOWN])
            return tuple(self._taken(test, kept, said) for test in tests)

    async def installed(
        self, tree: str, wanted: tuple[Target, ...], kept: Path, tell: events.Listener
    ) -> tuple[KeptSelftests, tuple[str, ...]]:
        """What a tree installs of some targets, kept in the folder ``kept``, and the first errors of what does not
        build. Raises InputError where it cannot be in a guest, InfraError where this host may be why it is not whole.
        """
        async with self._with_headers(tree, tell):
            install = Install(self.arch, self._source, self._obj, self.jobs, "", self._layout, self.sysroot)
            told = ignored_errors if await self._steps(install.makes(wanted)) else errors_of
            log = self._log.read_bytes()
            self._check_host(log)  # whatever fails there, make goes on
            errors = told(log, self._layout.inside(self._source))
            try:
                return keptselftests.keep(self._obj, log, kept), tuple(map(line, errors[:_SHOWN]))
            except artifacts.NotRegularError as error:
                raise InputError(f"--selftest-from tip: {wanted[0].word} cannot be installed\n  {error}") from error

    async def refused_by(
        self, compiler: str, tree: str, tests: tuple[Selftest, ...], tell: events.Listener
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        """Those of some tests that gcc builds, as TARGET:TEST, and of those that another compiler does not build its
        first error. Raises as ``programs``.
        """
        async with self._with_headers(tree, tell):
            await self._make(tests)
            compiled = self._built(tests)
            await self._make(compiled, compiler)
            refused = set(compiled) - set(self._built(compiled))
            errors = {one: await self._make((one,), compiler) for one in compiled if one in refused}
        told = {_word(one): said[0] if said else "make failed and said nothing" for one, said in errors.items()}
        return tuple(map(_word, compiled)), told

    @contextlib.asynccontextmanager
    async def _with_headers(self, tree: str, tell: events.Listener) -> AsyncIterator[None]:
        """The lock, the source and the headers of a tree in the build folder, which is gone afterwards."""
        async with checkedout.tree(self.home, self.trees, tree, (self._obj,), tell):
            well, errors = await self._run([self._headers_argv()])
            if not well:
                said = "".join(f"\n  {one}" for one in errors[:_SHOWN])
                raise InputError(f"the tip has no headers for its selftests:{said}")
            yield

    async def _make(self, tests: tuple[Selftest, ...], compiler: str = "") -> tuple[str, ...]:
        """Build what can be built; the errors."""
        bench = Bench(self.arch, self._source, self._obj, self.jobs, "", self._layout, compiler)
        into = self._obj / _MADE
        emptied = ["rm", "-rf", str(self._layout.inside(into))]
        return (await self._run([emptied, *bench.makes(tests), *bench.installs(tests, into)]))[1]

    async def _run(self, steps: list[list[str]]) -> tuple[bool, tuple[str, ...]]:
        """Whether all steps went well, and the errors. Raises InfraError where this host may be why one did not."""
        well = await self._steps(steps)
        return well, () if well else self._errors()

    async def _steps(self, steps: list[list[str]]) -> bool:
        """Whether all went well; what they say is in the log."""
        with self._log.open("wb") as output:
            make = Make(self._box, output, processes.Deadline.after(self.seconds), lambda _: None, self._obj.parent)
            try:
                return all([await make(argv) for argv in steps])  # each, whatever became of the others
            except processes.DeadlineError as error:
                raise InfraError(f"make was still at work after {self.seconds / 60:.0f} minutes") from error

    def _errors(self) -> tuple[str, ...]:
        """The errors in the log. Raises InfraError where this host may be why there are some."""
        log = self._log.read_bytes()
        self._check_host(log)
        return tuple(map(line, errors_of(log, self._layout.inside(self._source))))

    def _built(self, tests: tuple[Selftest, ...]) -> tuple[Selftest, ...]:
        """Those that are there."""
        return tuple(test for test in tests if _is_file(self._obj, f"{_MADE}/{test.name}"))

    def _taken(self, test: Selftest, kept: Path, said: str) -> Program:
        """A test as a program, out of the folder that the tree could write to."""
        word, place = _word(test), self._obj.parent / test.name
        try:
            artifacts.copy(self._obj, f"{_MADE}/{test.name}", place)
        except (artifacts.NotRegularError, FileNotFoundError):
            raise InputError(f"--selftest-from tip: {word} does not build with the tip's headers:{said}") from None
        if place.suffix == ".c":  # it would be taken for the source of one
            raise InputError(f"--selftest-from tip: {word} cannot be a program\n  its name ends in .c")
        try:
            (found,) = programs.read((place,), ())
        except InputError as error:
            raise InputError(f"--selftest-from tip: {str(error).replace(str(place), word)}") from error
        return programs.keep(found, kept)

    def _check_host(self, log: bytes) -> None:
        """Raise InfraError where what failed may have failed for this host's sake."""
        own = b"\n".join(one for one in log.splitlines() if not limits.quotes(one))
        if disk.said(own.decode(errors="replace")) or disk.full(self._obj):
            raise disk.trouble(self._obj)
        limits.check(log)

    def _headers_argv(self) -> list[str]:
        source, obj = map(self._layout.inside, (self._source, self._obj))
        return make_argv(self.arch, self.config, source, obj, ("headers",), self.jobs, cache="")

    @property
    def _source(self) -> Path:
        return self.home / checkedout.SOURCE

    @property
    def _obj(self) -> Path:
        return self.home / checkedout.SCRATCH / "tests" / "obj"

    @property
    def _log(self) -> Path:
        return self._obj.parent / "make.log"

    @property
    def _layout(self) -> Layout:
        places = {"source": self._source, "build": self._obj}
        places |= {"sysroot": self.sysroot} if self.sysroot is not None else {}
        return Layout.of(places) if self.boxed else layout.OWN

    @property
    def _box(self) -> processes.Box:
        return processes.Box(
            writable=(self._obj,),
            readable=(self._source, *((self.sysroot,) if self.sysroot is not None else ())),
            layout=self._layout,
            limits=box.build_limits(self.jobs),
            tells=True,
        )


def _word(test: Selftest) -> str:
    """A test as --selftest names it."""
    return f"{test.target}:{test.test}"


def _is_file(top: Path, name: str) -> bool:
    try:
        artifacts.opened(top, name).close()
    except (FileNotFoundError, artifacts.NotRegularError):
        return False
    return True
