# SPDX-License-Identifier: GPL-2.0-only
"""--config auto: the options that have what a series changes compiled, found once and the same for all its states."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import msgspec

from kseries.app import athome
from kseries.app.options import Options
from kseries.cache import store
from kseries.coverage import goals, tracepoints
from kseries.coverage.goals import Goal, Goals
from kseries.coverage.source import SOURCES
from kseries.evaluate.setup import Setup
from kseries.host import checksummed, checksums, files, paths, signals
from kseries.kbuild import autofragment, compilers, fragment, needed, solving
from kseries.kbuild.config import Config
from kseries.kbuild.kconfig import Kconfig
from kseries.kbuild.solving import NoReaderError, Solved, Solving
from kseries.model import Plan, events
from kseries.model.conditions import AllOf, AnyOf, Condition
from kseries.model.conditions import options as named
from kseries.model.sanitize import few, line
from kseries.sources import TreeStore

_SHOWN = 8
"""Options, or files, that are named while a run begins."""
_MOST_MISSED = 10


def with_options(setup: Setup, options: Options, planned: Plan, trees: TreeStore, tell: events.Listener) -> Setup:
    """The setup of a run whose kernels have what the series changes compiled, as far as that is asked for.

    Raises InputError where the tip cannot be configured, InfraError where this host is why nothing was found.
    """
    if not options.auto:
        return setup
    base, tip = planned.base.tree, planned.patches[-1].tree_after
    wanted = Goals(setup.arch.source, *asking(trees, tip)).of(tracepoints.changes(trees, base, tip))
    if not wanted:
        tell(events.Preparing("--config auto: the series changes nothing that this architecture compiles"))
        return setup
    ours = athome.of(setup, options)  # Kconfig asks the compiler
    solved = _kept(ours, tip, wanted) or _found(ours, options, trees, tip, wanted, tell)
    for said in (_added(solved), *_missed(setup, trees, tip, wanted, solved), *_apart(wanted, solved)):
        tell(events.Preparing(said))
    theirs = Config.read(options.config).text  # which comes last, and counts
    text = setup.config.text.removesuffix(theirs) + autofragment.of(solved.options) + theirs
    return replace(setup, config=setup.config.with_text(text))


def _found(
    setup: Setup, options: Options, trees: TreeStore, tip: str, wanted: tuple[Goal, ...], tell: events.Listener
) -> Solved:
    changed = tuple(dict.fromkeys(goal.file for goal in wanted))
    tell(events.Preparing(f"looking for options that have {few(changed, _SHOWN)} compiled"))
    home, jobs, seconds = paths.cache("workers", "0"), options.jobs, setup.machine.build_seconds
    at_work = Solving(home, trees, setup.arch, setup.config, jobs, seconds, boxed=not setup.unboxed)
    conditions = tuple(goal.condition for goal in wanted)
    try:
        solved = signals.run(_both(at_work, tip, conditions, tell))
    except NoReaderError as error:
        lasting = error.lasting
        tell(events.Preparing(f"the Kconfig files are read line by line, as no reader takes them: {error}"))
        own = {one.name for entry in fragment.entries(setup.config.text) for one in entry.choices}
        plainly = [one for one in _plainly(conditions, trees, tip, setup.arch.source) if one not in own]
        solved = signals.run(at_work.plainly(tip, dict.fromkeys(plainly, "y"), tell))
    else:
        lasting = True
    if lasting:
        note = _note(setup, tip, wanted)
        note.parent.mkdir(parents=True, exist_ok=True)
        checksummed.write(note, msgspec.json.encode(solved))
    return solved


async def _both(at_work: Solving, tip: str, wanted: tuple[Condition, ...], tell: events.Listener) -> Solved:
    """What most of it takes and, where Kconfig keeps the rest apart from that, what the rest takes by itself."""
    solved = await at_work.solve(tip, wanted, tell)
    missed = tuple(one for one in wanted if solving.unmet(one, solved))
    if not missed:
        return solved
    other = await at_work.solve(tip, missed, tell)
    return replace(solved, apart=other.options, apart_config=other.config)


def _plainly(conditions: tuple[Condition, ...], trees: TreeStore, tip: str, arch: str) -> tuple[str, ...]:
    """What conditions name first, and what that depends on."""
    own = tuple(dict.fromkeys(name for condition in conditions for name in _first(condition)))
    return (*own, *needed.of(own, needed.definers(trees, tip), arch))


def _first(condition: Condition) -> Iterator[str]:
    if isinstance(condition, AllOf):
        for one in condition.of:
            yield from _first(one)
    elif isinstance(condition, AnyOf):
        yield from (name for one in condition.of[:1] for name in _first(one))
    elif not condition.startswith("!"):
        yield condition


def _added(solved: Solved) -> str:
    names = [fragment.assignment(name, value).removeprefix("# ") for name, value in solved.options.items()]
    return f"--config auto: {few(names, _SHOWN)}" if names else "--config auto: nothing is missing in ours"


def _missed(setup: Setup, trees: TreeStore, tip: str, wanted: tuple[Goal, ...], solved: Solved) -> Iterator[str]:
    """What is not compiled all the same, and why, as far as the tree's Kconfig tells."""
    missed = [goal for goal in wanted if solving.unmet(goal.condition, solved)]
    whole = {goal.file for goal in missed if not goal.lines}
    told = [goal for goal in missed if not goal.lines or goal.file not in whole]
    for goal in told[:_MOST_MISSED]:
        lines = f":{goal.lines[0]}" if goal.lines else ""
        unset = [f"CONFIG_{one}=y" for one in named(goal.condition) if one not in solved.enabled]
        whys = Kconfig(trees).why(tip, tuple(unset), setup.arch.source, solved.config) if unset else {}
        why = "; ".join(f"{option}: {said}" for option, said in [*whys.items()][:2]) or "it asks for what is set"
        yield f"--config auto: no options were found for {line(goal.file)}{lines}: {why}"
    if len(told) > _MOST_MISSED:
        yield f"--config auto: nor for {len(told) - _MOST_MISSED} more"


def _apart(wanted: tuple[Goal, ...], solved: Solved) -> Iterator[str]:
    """What only another configuration has compiled, and the two variants that leave nothing out."""
    other = Solved(solved.apart, solved.apart_config)
    missed = (goal for goal in wanted if solving.unmet(goal.condition, solved))
    found = tuple(dict.fromkeys(goal.file for goal in missed if not solving.unmet(goal.condition, other)))
    if not found:
        return
    text = autofragment.lines(solved.apart)
    place = paths.cache("programs") / f"{checksums.of_words((text,))}.config"
    place.parent.mkdir(parents=True, exist_ok=True)
    files.write(place, text.encode())
    yield f"--config auto: Kconfig keeps {few(found, _SHOWN)} apart from the rest; two variants have it all compiled:"
    yield f"  --variant most=config:auto --variant rest=config:{place}"


def _kept(setup: Setup, tip: str, wanted: tuple[Goal, ...]) -> Solved | None:
    data = checksummed.read(_note(setup, tip, wanted))
    return msgspec.json.decode(data, type=Solved) if data is not None else None


def _note(setup: Setup, tip: str, wanted: tuple[Goal, ...]) -> Path:
    """Where it is noted what was found: by all that it comes of."""
    tools = (setup.toolchain, compilers.beside(setup.arch))
    # The solver is no part of what an observation is made by (Setup.program).
    of = (store.whole(), tip, setup.arch.name, setup.config.hash, *tools, str(setup.unboxed))
    conditions = msgspec.json.encode([goal.condition for goal in wanted]).decode()
    return paths.cache("programs") / f"{checksums.of_words((*of, conditions))}.auto"


def asking(trees: TreeStore, tree: str) -> tuple[goals.Reader, goals.Includers]:
    """What Goals asks of a tree."""
    return _reader(trees, tree), _includers(trees, tree)


def _reader(trees: TreeStore, tree: str) -> goals.Reader:
    def read(path: str) -> str | None:
        found = trees.file(tree, path)
        return found.decode(errors="replace") if found is not None else None

    return read


def _includers(trees: TreeStore, tree: str) -> goals.Includers:
    def including(path: str, folder: str) -> tuple[str, ...]:
        pattern = goals.INCLUDES.format(name=re.escape(PurePosixPath(path).name))
        below = re.sub(r"([*?\[\\])", r"\\\1", f"{folder}/" if folder else "")  # gitglossary(7), pathspec
        return tuple(trees.names_with(tree, pattern, *(f":(top,glob){below}**/*{one}" for one in sorted(SOURCES))))

    return including
