# SPDX-License-Identifier: GPL-2.0-only
"""Options that have some code of a tree compiled: found by a solver in a box, and tried with the tree's own Kconfig.

What Kconfig does not take all the same is looked for once more without it. Nothing is compiled for it but Kconfig.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from kseries.arch import Arch
from kseries.host import box, files, interpreter, processes
from kseries.host.box import layout
from kseries.host.box.layout import Layout
from kseries.kbuild import artifacts, checkedout, fragment, modules
from kseries.kbuild.config import Config, Start
from kseries.kbuild.kconfig import Kconfig
from kseries.kbuild.make import Make, errors_of, make_argv
from kseries.model import events
from kseries.model.conditions import Condition, holds
from kseries.model.errors import DiskFullError, InfraError, InputError
from kseries.model.sanitize import line
from kseries.solver.question import Answer, Question
from kseries.sources import TreeStore

_SOLVER_SECONDS = 180.0
"""For one question: to read 6.12 takes it five on a slow core."""
_QUESTIONS = 3
"""The first, and those without what Kconfig did not take."""
_SHOWN = 3
"""Lines of make that an error repeats."""
_NAME = re.compile(r"\w{1,200}", re.ASCII)
_QUESTION, _ANSWER = "question.json", "answer.json"
_FRAGMENT = "fragment.config"


@dataclass(frozen=True)
class Solved:
    """What is set beside a configuration, y or n by its name, and the .config that comes of it."""

    options: Mapping[str, str]
    config: str
    apart: Mapping[str, str] = field(default_factory=dict)
    """Likewise what has the rest compiled, where Kconfig keeps it apart from this."""
    apart_config: str = ""

    @property
    def enabled(self) -> frozenset[str]:
        """The options that are set."""
        return frozenset(name for name, value in _values(self.config).items() if value != "n")


class NoReaderError(Exception):
    """No reader takes a tree's Kconfig files; says why. ``lasting`` where another time would come to the same."""

    def __init__(self, why: str, *, lasting: bool = True) -> None:
        super().__init__(why)
        self.lasting = lasting


@dataclass(frozen=True)
class Solving:
    """The home of a worker, in whose source folder a tree is checked out, and what its kernels are made with."""

    home: Path
    trees: TreeStore
    arch: Arch
    config: Config
    jobs: int
    seconds: float
    boxed: bool = True

    async def solve(self, tree: str, wanted: tuple[Condition, ...], tell: events.Listener) -> Solved:
        """The options under which the conditions hold that can, the first ones first.

        Raises NoReaderError, InputError where the tree's own Kconfig fails, InfraError where this host is why.
        """
        async with checkedout.tree(self.home, self.trees, tree, (self._obj, self._asked, self._told), tell):
            unset: dict[str, str] = {}
            for _ in range(_QUESTIONS):
                answer = await self._ask(tree, wanted, unset)
                solved = Solved(answer.options, await self._configure(tree, answer.options))
                dropped = {name for name, value in answer.options.items() if not _has(solved.config, name, value)}
                if not dropped:
                    break
                unset |= dict.fromkeys(dropped, "n")
            return solved

    async def plainly(self, tree: str, options: Mapping[str, str], tell: events.Listener) -> Solved:
        """What comes of options that somebody else has found. Raises as ``solve``."""
        async with checkedout.tree(self.home, self.trees, tree, (self._obj, self._asked, self._told), tell):
            return Solved(options, await self._configure(tree, options))

    async def _ask(self, tree: str, wanted: tuple[Condition, ...], unset: Mapping[str, str]) -> Answer:
        """What the solver finds, with what is in ``unset`` as it is said there."""
        own = tuple(one.name for entry in fragment.entries(self.config.text) for one in entry.choices)
        question = Question(
            fragment=self._text(tree, unset),
            wanted=wanted,
            defaults=self.config.start is Start.DEFCONFIG,
            fixed=(*own, *unset),
        )
        (self._asked / _QUESTION).write_bytes(msgspec.json.encode(question))
        files.remove(self._told)  # of a question before, or what a macro has left
        self._told.mkdir()
        source, asked, told = map(self._layout.inside, (self._source, self._asked, self._told))
        argv = interpreter.argv("kseries.solver", str(source), str(asked / _QUESTION), str(told / _ANSWER))
        try:
            well, said = await self._run(argv, self._solver_box, _SOLVER_SECONDS)
        except processes.DeadlineError:
            raise NoReaderError(f"nothing was found in {_SOLVER_SECONDS:.0f} s", lasting=False) from None
        except DiskFullError:
            raise
        except InfraError as error:  # a macro may have ended it, too
            raise NoReaderError(str(error).partition("\n")[0], lasting=False) from error
        try:
            return checked(msgspec.json.decode(artifacts.text(self._told, _ANSWER), type=Answer), question)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
            why = said[-1].replace(f"{source}/", "") if said and not well else "the solver gave no answer"
            raise NoReaderError(why) from None

    async def _configure(self, tree: str, options: Mapping[str, str]) -> str:
        """The .config that the tree's Kconfig makes. Raises InputError."""
        text = self._text(tree, options)
        (self._asked / _FRAGMENT).write_text(text)
        source, obj, asked = map(self._layout.inside, (self._source, self._obj, self._asked))
        words = (f"KCONFIG_ALLCONFIG={asked / _FRAGMENT}", self.config.target)
        argv = make_argv(self.arch, self.config, source, obj, words, self.jobs, cache="")
        try:
            well, said = await self._run(argv, self._make_box, self.seconds)
        except processes.DeadlineError:
            raise InputError(f"make {self.config.target} did not come to an end") from None
        if not well:
            errors = errors_of("\n".join(said).encode(), source)
            raise InputError("the tip cannot be configured:" + "".join(f"\n  {line(one)}" for one in errors[:_SHOWN]))
        return artifacts.text(self._obj, ".config")

    def _text(self, tree: str, options: Mapping[str, str]) -> str:
        kconfig = Kconfig(self.trees)
        defined = kconfig.defined(tree, self.config.alternatives, self.arch.source)
        own = kconfig.below(tree, self.arch.source, self.config.start) + self.config.text_for(defined)
        more = (f"{fragment.assignment(name, value)}\n" for name, value in options.items())
        return "".join((modules.resolved(own), *more))

    async def _run(self, argv: list[str], where: processes.Box, seconds: float) -> tuple[bool, list[str]]:
        """Whether something went well, and what it printed."""
        log = self._obj.parent / "solving.log"
        with log.open("wb") as output:
            make = Make(where, output, processes.Deadline.after(seconds), lambda _: None, self._obj.parent)
            well = await make(argv)
        return well, [line(one) for one in log.read_bytes().decode(errors="replace").splitlines()]

    @property
    def _source(self) -> Path:
        return self.home / checkedout.SOURCE

    @property
    def _obj(self) -> Path:
        return self.home / checkedout.SCRATCH / "solving" / "obj"

    @property
    def _asked(self) -> Path:
        """What goes in: nobody in a box may write there, since we do."""
        return self.home / checkedout.SCRATCH / "solving" / "asked"

    @property
    def _told(self) -> Path:
        """What comes out, which may be anything."""
        return self.home / checkedout.SCRATCH / "solving" / "told"

    @property
    def _layout(self) -> Layout:
        if not self.boxed:
            return layout.OWN
        return Layout.of({"source": self._source, "build": self._obj, "asked": self._asked, "told": self._told})

    @property
    def _make_box(self) -> processes.Box:
        return processes.Box(
            writable=(self._obj,),
            readable=(self._source, self._asked),
            layout=self._layout,
            limits=box.build_limits(self.jobs),
            tells=True,
        )

    @property
    def _solver_box(self) -> processes.Box:
        return processes.Box(
            writable=(self._told,),
            readable=(self._source, self._asked, *interpreter.readable()),
            layout=self._layout,
            env={**environment(self.arch, self.config, self._layout.inside(self._source)), **interpreter.environment()},
            limits=box.build_limits(self.jobs),
            tells=True,
        )


def environment(arch: Arch, config: Config, source: Path) -> dict[str, str]:
    """What the kernel's Makefile tells Kconfig (its ``export`` lines, scripts/Kconfig.include)."""
    prefix = arch.toolchain.prefix
    compiler = config.of_llvm("clang") if config.llvm else f"{prefix}gcc"
    llvm = {name: config.of_llvm(f"llvm-{name.lower()}") for name in ("AR", "NM", "OBJCOPY", "STRIP")}
    gnu = {name: f"{prefix}{name.lower()}" for name in llvm}
    words = dict(word.split("=", 1) for word in config.make)
    return {
        "srctree": str(source),
        "ARCH": arch.make_arch,
        "SRCARCH": arch.source,
        "KERNELVERSION": "0",
        "CROSS_COMPILE": prefix,
        "CC": compiler,
        "CC_VERSION_TEXT": compiler,
        "HOSTCC": config.of_llvm("clang") if config.llvm else "gcc",
        "LD": config.of_llvm("ld.lld") if config.llvm else f"{prefix}ld",
        "RUSTC": "rustc",
        "BINDGEN": "bindgen",
        "PAHOLE": "pahole",
        "CLANG_FLAGS": f"--target={prefix.rstrip('-')}" if config.llvm and prefix else "",
        **(llvm if config.llvm else gnu),
        **words,
    }


def checked(answer: Answer, question: Question) -> Answer:
    """An answer, of which a macro of the tree may have made something else. Raises ValueError for what is none."""
    for name, value in answer.options.items():
        if not _NAME.fullmatch(name) or value not in ("y", "n") or name in question.fixed:
            raise ValueError(name)
    return answer


def unmet(condition: Condition, solved: Solved) -> bool:
    """Whether a condition does not hold, as the tree's own Kconfig has it."""
    return not holds(condition, solved.enabled)


def _has(config: str, name: str, value: str) -> bool:
    return _values(config).get(name, "n") == value


def _values(config: str) -> dict[str, str]:
    return {one.name: one.value for entry in fragment.entries(config) for one in entry.choices}
