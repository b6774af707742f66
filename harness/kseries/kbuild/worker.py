# SPDX-License-Identifier: GPL-2.0-only
"""A source tree -> a kernel and an initramfs: configure and make, in one build folder that persists.

A worker has one source folder, which git updates in place, and one build folder per configuration, so
that make compiles what changed. ccache answers for what it has compiled before in another order.
"""

import asyncio
import contextlib
import dataclasses
import io
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from kseries.arch import Arch
from kseries.host import disk, files, paths, processes, turns
from kseries.host.box import layout
from kseries.host.box.layout import Layout
from kseries.kbuild import (
    artifacts,
    buildbox,
    ccache,
    compilers,
    denials,
    hosthas,
    hostlacks,
    initramfs,
    limits,
    linked,
    modules,
    names,
    oldtools,
    parsed,
    reproducible,
    warnings,
)
from kseries.kbuild.brought import Brought
from kseries.kbuild.config import Config
from kseries.kbuild.dependencies import FolderDependencies
from kseries.kbuild.folder import OBJECTS, Folder
from kseries.kbuild.guestmake import Contents, GuestMake
from kseries.kbuild.headers import Headers
from kseries.kbuild.kconfig import SCRIPTS, Kconfig
from kseries.kbuild.keptselftests import KeptSelftests
from kseries.kbuild.make import Compiled, Make, errors_of, make_argv
from kseries.kbuild.timing import Timing
from kseries.model import DEFAULT_MACHINE, Build, Dependencies, events
from kseries.model.errors import InfraError
from kseries.probes.programs import Program
from kseries.probes.selftests import Bench, Selftest
from kseries.probes.targets import Target
from kseries.sources import TreeStore

_ARCHIVE = "vmlinux.a"
"""What kbuild gathers the objects of vmlinux in (the kernel's Makefile: KBUILD_VMLINUX_OBJS)."""
_PROBES = b"\n--- probes\n"
"""What stands in a build's log before the making of the probes, whose warnings are not the kernel's."""
_OUTDATED = 0.5
"""The share of a folder's targets above which it is cheaper to begin with base once more than to make them again."""
_TOLD = 30
"""Options of which it is told why Kconfig has dropped them: of a distribution's configuration that are thousands."""

_LINK_BEGINS = "vmlinux.o"
"""What make links once everything is compiled (scripts/link-vmlinux.sh, scripts/Makefile.vmlinux_o)."""


class Worker:
    """One place to build in: a source folder, build folders, and a lock that a second run respects.

    ``series`` names whose patches are built, as for Folder. What their Makefiles do to a build folder reaches the other
    trees of that series and no others. ``probes`` are those of ours that are made, None for all of them. ``seconds`` is
    the longest that one state may build. ``cached=False`` is for measuring and proving: it compiles everything itself,
    in a build folder of its own. ``kept_tests`` is the kselftest of every guest, where no tree installs its own.
    """

    def __init__(
        self,
        home: Path,
        store: TreeStore,
        arch: Arch,
        config: Config,
        jobs: int,
        *,
        cached: bool = True,
        probes: tuple[str, ...] | None = None,
        programs: tuple[Program, ...] = (),
        selftests: tuple[Selftest, ...] = (),
        targets: tuple[Target, ...] = (),
        sysroot: Path | None = None,
        kept_tests: KeptSelftests | None = None,
        boxed: bool = True,
        series: str = "",
        seconds: float = DEFAULT_MACHINE.build_seconds,
    ) -> None:
        self._home = home
        self._turns = turns.Turns(home)
        self._store = store
        self._arch = arch
        self._config = config
        self._jobs = jobs
        self._seconds = seconds
        self._contents = Contents(probes, programs, selftests, targets, sysroot, kept_tests)
        self._source = home / "source"
        self._shared = paths.cache("ccache")
        self._guest_sources = paths.project("guests")
        self._listed = home / "names"
        self._names = names.Names(store, self._listed)
        self._kconfig = Kconfig(store)
        self._unmet: dict[str, str] = {}
        """Why Kconfig dropped what it did, when it ran last; as far as somebody had to know."""
        seen = layout.BOXED if boxed else layout.unboxed(home)
        kind = f"{arch.name}-{config.hash}-{seen}" + ("" if cached else "-uncached")
        places = {"source": self._source, "build": home / kind, "guests": self._guest_sources, "ccache": self._shared}
        places |= {"sysroot": sysroot} if sysroot is not None else {}
        self._fixed = Layout.of({**places, "names": self._listed})
        self._layout = self._fixed if boxed else layout.OWN
        self._open: Callable[[], Folder] = lambda: Folder(
            home, kind, self._inside(self._source), series, self._contents.read
        )
        self._opened: Folder | None = None
        self._obj = home / kind / OBJECTS
        self._headers = Headers(store, home / kind)
        self._cache = "ccache " if cached else ""
        bench = Bench(arch, self._source, self._obj, jobs, self._cache, self._layout)
        self._guests = GuestMake(self._contents, bench, self._guest_sources, home / kind)

    @property
    def _folder(self) -> Folder:
        """Looked at when somebody asks: of a run of which all is known, nobody does."""
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _inside(self, place: Path) -> Path:
        """As make sees it, who is told of no other paths and tells of no other."""
        return self._layout.inside(place)

    async def take(self, tell: events.Listener | None = None) -> None:
        """Take this worker's lock, for which other runs of kseries wait until it is given back as often as taken.

        Where another has it, ``tell`` hears what is waited for; raises BlockingIOError if nobody is there to hear.
        """
        ours = self._turns.held
        if tell is None:
            self._turns.at_once()
        else:
            await self._turns.wait(lambda wait: tell(events.Waiting(wait)))
        if not ours:
            self._opened = None  # others may have built in it since we looked

    def give_back(self) -> None:
        """Give the lock back: nothing of ours writes below this worker's home any more."""
        self._turns.give_back()

    @contextlib.asynccontextmanager
    async def locked(self, tell: events.Listener | None = None) -> AsyncIterator[None]:
        """As ``take``, given back in the end."""
        await self.take(tell)
        try:
            yield
        finally:
            self.give_back()

    def say(self, what: str, done: int, total: int) -> None:
        """Tell who waits for this worker what it is at, and how many states of it are done. With the lock held."""
        self._turns.say(what, done, total)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder for what lies between build and boot, gone afterwards. Call it with the lock held.

        On the cache's disk, which has room; what a run left that was killed goes first.
        """
        place = self._home / "scratch"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def clean(self) -> None:
        """Empty the build folder: the next build starts from nothing but what ccache has."""
        if self._obj.exists():
            self._folder.empty()

    @property
    def dependencies(self) -> FolderDependencies:
        """What the builds in this folder have read so far."""
        return self._folder.dependencies

    @property
    def configuration(self) -> str:
        """The .config of what was built last; empty where there is none."""
        return artifacts.text(self._obj, ".config")

    def selftest_file(self, name: str) -> str:
        """A file of kselftest as the guest of what was built last has it; empty where there is none."""
        return self._guests.selftest_file(name)

    @property
    def _has_modules(self) -> bool:
        return modules.there(self.configuration)

    @property
    def modules(self) -> frozenset[str]:
        """The objects of which modules were made in what was built last."""
        return modules.objects(self._obj) if self._has_modules else frozenset()

    @property
    def trees(self) -> TreeStore:
        """Where the trees are that it builds."""
        return self._store

    @property
    def holds(self) -> str | None:
        """The tree that the build folder was last configured for; it need not be in the store any more."""
        return self._folder.configured

    def begins_with(self, base: str) -> bool:
        """Whether a state of the series would be built upon objects of its base, or of its own states, most of which
        make would keep; as far as one can tell without the lock.
        """
        return self._folder.begins_with(base) and not self._is_outdated()

    async def finds(self, base: str) -> bool:
        """Likewise, with the lock held and what is damaged thrown away."""
        if not await processes.aside(self.begins_with, base):
            return False
        await processes.aside(self._enter, None)
        return self._folder.begins_with(base)

    def _enter(self, base: str | None) -> None:
        """Have the folder hold nothing that another series, or another toolchain of this host, has made."""
        self._folder.enter(base)
        self._folder.made_by(compilers.host(self._arch, self._config))

    def _is_outdated(self) -> bool:
        """Whether the source folder has held so much else since that make would compile most of the objects again.

        Of base, ccache has them all. Of a state it has few, where the series brings an option: each object reads
        include/generated/autoconf.h.
        """
        held = self.holds
        to_write = self._store.to_write(held, self._home / "index") if held is not None else None
        # Where nobody can tell, those that were written since then do.
        return self._folder.dependencies.outdated(self._source, to_write or frozenset()) > _OUTDATED

    @property
    def timing(self) -> Timing:
        """How long the builds in this folder took."""
        return Timing(self._folder.place)

    async def build(
        self,
        tree: str,
        into: Path,
        tell: events.Listener,
        *,
        name: str = "",
        trusted: bool = False,
        of_base: bool = False,
        brought: Brought | None = None,
    ) -> Build:
        """Build a tree; ``build.log``, the kernel and the initramfs are put into ``into``, and ``tell`` hears what is
        compiled of ``name``.

        ``trusted`` is a tree without anybody's patches, ``of_base`` the one that others are compared with, which may
        have some: what was refused to the base below them is told of it, too. ``brought`` says of the options that
        Kconfig dropped which ones a patch brings: where none brings one that is needed, the build ends before anything
        is compiled, and is not ok. Raises InfraError when this host, not the tree, is why it failed.
        """
        with disk.named(self._home, self._shared, into):
            for place in (into, self._shared):
                place.mkdir(parents=True, exist_ok=True)
            await processes.aside(self._enter, tree if trusted else None)
            try:
                compiled = partial(_tell_compiled, tell, name)
                built = await self._build(tree, into, compiled, self._box(trusted), brought)
            except limits.LimitError:
                self._folder.empty()
                raise
            if trusted:
                built = msgspec.structs.replace(built, refused=self._folder.refused_to_base(built.refused))
                if built.ok:
                    await processes.aside(self._folder.keep_pristine)
            elif built.refused:
                self._folder.reached_out()
            if of_base and not trusted:
                built = msgspec.structs.replace(built, refused=self._folder.refused_with_base(built.refused))
            return built

    async def build_alone(self, tree: str, into: Path) -> Build:
        """As ``build``, with the lock held for it and nobody told: for whoever has one tree to build."""
        async with self.locked(lambda _: None):
            return await self.build(tree, into, lambda _: None)

    async def _build(
        self, tree: str, into: Path, compiled: Compiled, where: processes.Box, brought: Brought | None
    ) -> Build:
        log = into / "build.log"
        watch = _Stopwatch()
        with log.open("wb") as output:
            make = Make(where, output, processes.Deadline.after(self._seconds), compiled, self._folder.place)
            try:
                with self._folder.marked():
                    dropped, ok = await self._make(tree, make, watch, brought)
                    output.flush()
                    # A test that this host had no room or memory for would be told as the patch's fault, too.
                    if not ok or self._contents.targets or self._guests.unbuilt():
                        self._check_room(log.read_bytes())
                        limits.check(log.read_bytes())
                    if not ok:
                        await self._check_host_has(tree, self._said(log), where)
                    warned, parts = self._warnings(log, ok)
                    trouble = await processes.aside(self._note, tree, ok)
            except processes.DeadlineError as error:
                # A slow host, or a tree that make does not come to an end with: nobody can tell which.
                raise InfraError(f"make was still at work after {self._seconds / 60:.0f} minutes") from error
        said = self._said(log)
        source, *others = map(self._fixed.inside, (self._source, self._folder.place, self._guest_sources))
        errors = errors_of(said, source) if not ok else ()
        too_old = oldtools.told(said, errors)
        errors = (too_old,) if too_old else errors
        if trouble:
            ok, errors = False, (trouble,)
        if ok:
            try:
                await processes.aside(self._take, into)
            except (artifacts.NotRegularError, FileNotFoundError) as error:
                ok, errors = False, (str(error),)
        unbuilt = self._guests.unbuilt() if ok else ()
        compiled_now, found = ccache.counts(artifacts.text(self._obj, buildbox.CCACHE_LOG))
        return Build(
            ok=ok,
            seconds=watch.total,
            stages=watch.stages,
            compiled=compiled_now,
            found=found,
            errors=errors_of(said, source) if unbuilt else errors,
            too_old=too_old,
            unbuilt=unbuilt,
            warnings=warned,
            linked=parts,
            config_dropped=dropped,
            config_unmet={option: why for option, why in self._unmet.items() if option in dropped},
            irreproducible=reproducible.culprits(artifacts.text(self._obj, ".config")),
            refused=denials.refused(said, (source, *others)),
            log=str(log),
            kernel=str(into / "kernel") if ok else None,
            symbols=str(into / "vmlinux") if ok else None,
            initrd=str(into / "initrd.cpio") if ok else None,
        )

    def _note(self, tree: str, ok: bool) -> str:
        """Note what a build has read, and what it has left; why that could not be, or nothing."""
        trouble = ""
        try:
            if ok:
                self._note_read(tree)
        except (artifacts.NotRegularError, FileNotFoundError) as error:
            trouble = str(error)
        self._folder.note()
        return trouble

    def _note_read(self, tree: str) -> None:
        config = artifacts.text(self._obj, ".config")
        alike = tree if not reproducible.culprits(config) else None
        headers = ("include/", f"arch/{self._arch.source}/include/")
        looked = self._names.update(tree)
        asked = ("",) if self._kconfig.reads_all(tree) else SCRIPTS
        always = (*looked.targets, *asked, *(headers if reproducible.holds_headers(config) else ()))
        # Of an option with alternatives, each Kconfig file of the tree has a say (Kconfig.defined).
        listed = (parsed.MAKEFILES,) if self._config.alternatives else tuple(parsed.NAMES)
        self._folder.dependencies.update(alike, always, looked.links, listed)

    def _take(self, into: Path) -> None:
        """What a build is for, out of its folder."""
        kernel, symbols = into / "kernel", into / "vmlinux"
        for file in (kernel, symbols):
            file.unlink(missing_ok=True)  # another state's could be the same file
        artifacts.copy(self._obj, "vmlinux", symbols)
        if self._arch.kernel_path == "vmlinux":
            kernel.hardlink_to(symbols)
        else:
            artifacts.copy(self._obj, self._arch.kernel_path, kernel)
        theirs = initramfs.modules(self._obj / modules.FOLDER) if self._has_modules else ()
        initramfs.write(into / "initrd.cpio", self._obj / "guests", (*self._guests.kselftest, *theirs))

    def _check_room(self, log: bytes) -> None:
        """Raise DiskFullError where a build may have failed for lack of room: ld says nothing of it, it crashes."""
        own = b"\n".join(line for line in log.splitlines() if not limits.quotes(line))
        if disk.said(own.decode(errors="replace")) or disk.full(self._obj, self._shared):
            raise disk.trouble(self._obj, self._shared)

    async def _check_host_has(self, tree: str, said: bytes, where: processes.Box) -> None:
        """Raise InfraError where a build failed for want of a header or a program of this host.

        Not for what the tests of a tree lack: they are made beside a kernel that may have failed by itself.
        """
        of_kernel, _, _ = said.partition(_PROBES)
        await hostlacks.check(
            of_kernel,
            self._fixed.inside(self._obj),
            partial(self._has, tree),
            partial(hosthas.program, where=where),
            partial(hosthas.header, arch=self._arch, where=where),
        )

    async def _has(self, tree: str, path: str) -> bool:
        return await processes.aside(self._store.file, tree, path) is not None

    async def _make(
        self, tree: str, make: Make, watch: "_Stopwatch", brought: Brought | None
    ) -> tuple[tuple[str, ...], bool]:
        """Check out, configure, compile: the options that Kconfig dropped, and whether all went well."""
        files.remove(self._obj / buildbox.CCACHE_LOG)
        boxed = self._layout is self._fixed  # and the source to be read alone
        await processes.aside(self._store.check_out, tree, self._source, self._home / "index", untouched=boxed)
        looked = await processes.aside(self._names.update, tree)
        self._folder.looked(names.telling() + looked.all + (looked.tests if self._contents.takes_tests else ""))
        defined = await processes.aside(self._kconfig.defined, tree, self._config.alternatives, self._arch.source)
        before = self.holds
        if before is None or self._kconfig.may_differ(before, tree, looked.targets, self._configuring_read(before)):
            self._folder.configure(None)
            self._unmet = {}
            below, last = self._kconfig.below(tree, self._arch.source, self._config.start), self._since_now()
            if not await self._configure(make, below + self._config.text_for(defined)):
                return (), False
            if (read := await processes.aside(self._read_since, last, looked, kconfig=True)) is not None:
                self._folder.note_configuring(read)
        self._folder.configure(tree)
        config = artifacts.text(self._obj, ".config")
        if reproducible.holds_headers(config):
            self._folder.forget_headers()
        dropped = self._config.dropped_by(config, defined)
        needed = self._config.needed(dropped)
        told = (*needed, *self._config.wanted(dropped))[:_TOLD]
        if set(told) - set(self._unmet):
            self._unmet = await processes.aside(self._kconfig.why, tree, told, self._arch.source, config)
        if needed and brought is not None and not await processes.aside(brought.all, needed):
            self._folder.forget_configuration()  # what this host lacks for it may be there the next time
            return dropped, False
        ok = await self._make_headers(tree, config, make, looked)
        watch.ends("configure")
        return dropped, ok and await self._compile(make, watch)

    async def _make_headers(self, tree: str, config: str, make: Make, looked: names.Looked) -> bool:
        """``make headers``, where that could make others than there are."""
        if await processes.aside(self._headers.are_of, tree, config):
            return True
        self._headers.forget()
        self._guests.forget()
        last = self._since_now()
        if not await make(self._kernel_argv("headers")):
            return False
        if (read := await processes.aside(self._read_since, last, looked, kconfig=False)) is not None:
            self._headers.made(tree, config, read)
        return True

    def _since_now(self) -> parsed.Since:
        return parsed.Since(self._inside(self._obj), parsed.length(self._obj), self._folder.began)

    def _read_since(self, last: parsed.Since, looked: names.Looked, *, kconfig: bool) -> Dependencies | None:
        """What makes have read since then, of which one is Kconfig's or none; None where nobody can tell."""
        always = (*looked.targets, *SCRIPTS)
        try:
            return self._folder.dependencies.of_last(last, always, looked.links, kconfig=kconfig)
        except artifacts.NotRegularError:
            return None

    def _configuring_read(self, before: str) -> tuple[Dependencies, ...]:
        """What is known of what configuring that tree has read: its Makefiles, and those and the Kconfig files that all
        of its build has read.
        """
        return tuple(filter(None, (self._folder.configuring_read, self._folder.dependencies.of(before))))

    async def _configure(self, make: Make, text: str) -> bool:
        """Have Kconfig make a .config of fragments; with modules only where it takes something as nothing else."""
        if not await self._ask_kconfig(make, modules.resolved(text)):
            return False
        left = modules.only_modules(text, self.configuration)
        if not left:
            return True
        if not await self._ask_kconfig(make, modules.resolved(text, left)):
            return False
        if modules.there(self.configuration):
            return True
        return await self._ask_kconfig(make, modules.resolved(text))  # it was something else that they lack

    async def _ask_kconfig(self, make: Make, text: str) -> bool:
        self._fragment.write_text(text)
        self._fragment.chmod(0o644)
        return await make(self._kernel_argv(f"KCONFIG_ALLCONFIG={self._inside(self._fragment)}", self._config.target))

    def _said(self, log: Path) -> bytes:
        """A build's log, in which no path is one of this host's: what is taken out of it is kept with results."""
        return log.read_bytes() if self._layout is self._fixed else self._fixed.told(log.read_bytes())

    def _warnings(self, log: Path, ok: bool) -> tuple[tuple[str, ...], str]:
        """The warnings of the tree that was built, and the digest of the objects that it is linked of."""
        of_kernel, _, _ = self._said(log).partition(_PROBES)
        source, fragment = map(self._fixed.inside, (self._source, self._fragment))
        said = warnings.said_of(of_kernel.decode(errors="replace"), source, fragment)
        parts = linked.objects(self._obj / _ARCHIVE) | self.modules if ok else None
        return self._folder.said.update(said, parts), linked.digest(parts or frozenset())

    async def _compile(self, make: Make, watch: "_Stopwatch") -> bool:
        """The kernel, and the guests beside its link, which keeps only one core busy."""
        output = io.BytesIO()
        guests: list[asyncio.Task[bool]] = []

        def start_guests() -> None:
            watch.ends("compile")
            beside = dataclasses.replace(make, log=output)
            guests.append(asyncio.create_task(self._guests.make(beside, self._folder.staged)))

        def step(what: str) -> None:
            make.compiled(what)
            if what == _LINK_BEGINS and not guests:
                start_guests()

        try:
            targets = (self._arch.kernel_target, *(("modules",) if self._has_modules else ()))
            if not await dataclasses.replace(make, compiled=step)(self._kernel_argv(*targets)):
                return False
            if not guests:  # there was nothing to link
                start_guests()
            watch.ends("link")
            return await self._install_modules(make) and await guests[0]
        finally:
            for task in guests:
                task.cancel()
            await asyncio.gather(*guests, return_exceptions=True)
            make.log.write(_PROBES + output.getvalue())

    async def _install_modules(self, make: Make) -> bool:
        """Have the modules of the kernel, and no others, where the image takes them from."""
        place = self._obj / modules.FOLDER
        await processes.aside(files.remove, place)
        return not self._has_modules or await make(self._kernel_argv(*modules.install_words(self._inside(place))))

    def _kernel_argv(self, *targets: str) -> list[str]:
        source, obj = map(self._inside, (self._source, self._obj))
        return make_argv(self._arch, self._config, source, obj, targets, self._jobs, self._cache)

    @property
    def _fragment(self) -> Path:
        return self._folder.place / "fragment.config"

    def _box(self, trusted: bool) -> processes.Box:
        own = (self._source, self._guest_sources, self._listed, self._fragment, self._folder.staged)
        ours = (*own, *self._contents.sysroots)
        return buildbox.of_make(
            self._folder,
            self._shared,
            self._listed,
            ours,
            self._layout,
            self._jobs,
            trusted=trusted,
            assembler=compilers.assembler(self._arch),
        )


def _tell_compiled(tell: events.Listener, name: str, what: str) -> None:
    tell(events.Compiled(name, what))


class _Stopwatch:
    """Seconds of each stage of a build, one after the other."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()
        self.stages: dict[str, float] = {}

    def ends(self, stage: str) -> None:
        now = time.monotonic()
        self.stages[stage] = round(now - self._last, 2)
        self._last = now

    @property
    def total(self) -> float:
        return time.monotonic() - self._began
