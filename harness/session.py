# SPDX-License-Identifier: GPL-2.0-only
"""One run from end to end: TARGET -> plan -> results -> judgement -> result.json."""

import asyncio
import contextlib
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness import arch as archs
from harness import bases, build, events, inputs, judge, resources, scenarios, store, suspects
from harness.engine import Engine, Setup
from harness.errors import InfraError, InputError
from harness.model import SCHEMA_VERSION, Contract, Outcome, Plan, RunResult, SeriesSummary
from harness.trees import TreeStore


@dataclass(frozen=True)
class Options:
    """What the command line asks for; None where the TARGET or the architecture decides."""

    out: Path
    tree: str | None = None
    base: str | None = None
    arch: str = "x86_64"
    scenarios: tuple[str, ...] = scenarios.DEFAULT
    probes: tuple[str, ...] | None = None
    jobs: int = os.cpu_count() or 1


def contracts() -> tuple[Contract, ...]:
    """Every contract that we have (guests/contracts)."""
    files = sorted(resources.project("guests", "contracts").glob("*.toml"))
    return tuple(msgspec.convert(tomllib.loads(file.read_text()), Contract) for file in files)


def known_probes() -> tuple[str, ...]:
    """The probes that we have, capabilities first: the others are read in its light."""
    names = sorted(source.stem for source in resources.project("guests", "probes").glob("*.c"))
    return tuple(sorted(names, key=lambda name: name != "capabilities"))


def plan(target: inputs.Target, options: Options, trees: TreeStore, tell: events.Listener) -> Plan:
    """The states of a run; fetches and imports the base when it is not in the cache."""
    tree = options.tree or target.tree or bases.DEFAULT
    base = bases.get(
        tree, options.base or target.base, trees, resources.cache(), lambda what: tell(events.Preparing(what))
    )
    return scenarios.make_plan(target.series, base, options.scenarios, trees)


def run(target: inputs.Target, options: Options, tell: events.Listener) -> RunResult:
    """Carry out a run and write ``result.json``. Raises InputError or InfraError."""
    arch = archs.get(options.arch)
    probes = _chosen(options.probes)
    with _room(options.out):
        trees = TreeStore(resources.cache("trees.git"))
        planned = plan(target, options, trees, tell)
        config = build.Config.read((resources.project("kernels", arch.config),))
        setup = Setup(arch, arch.accel(), build.toolchain(arch), config, probes, store.program())
        worker = build.Worker(resources.cache("workers", "0"), trees, arch, config, options.jobs)
        engine = Engine(setup, worker, store.Store(resources.cache("results")), tell)
        seen = asyncio.run(engine.run(planned, options.out))
        states, findings, verdict = judge.judge(planned, seen, contracts())
        states = suspects.with_suspects(planned, states, trees)
        result = RunResult(
            schema=SCHEMA_VERSION,
            series=SeriesSummary(name=planned.series, version=planned.version, patches=planned.patches),
            base=planned.base,
            arch=arch.name,
            accel=setup.accel,
            toolchain=setup.toolchain,
            config_fragment_hash=config.hash,
            states=states,
            findings=findings,
            verdict=verdict,
        )
        _write(options.out / "result.json", result)
    return result


def exit_status(result: RunResult) -> int:
    """3 where a state could not be had, 1 where something was found, else 0."""
    if any(state.outcome is Outcome.INFRA_ERROR for state in result.states):
        return 3
    return 1 if result.findings else 0


def _chosen(names: tuple[str, ...] | None) -> tuple[str, ...]:
    known = known_probes()
    for name in names or ():
        if name not in known:
            raise InputError(f"no such probe: {name}\n  there are: {', '.join(known)}")
    # Without it nothing is known to be advertised, and no contract could be judged.
    return known if names is None else tuple(dict.fromkeys(("capabilities", *names)))


@contextlib.contextmanager
def _room(out: Path) -> Iterator[None]:
    """Turn the errors of a disk that is full or not ours into two lines."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise InfraError(f"{error.strerror}{where}\n  finished states are kept; mend that and run again") from error


def _write(path: Path, result: RunResult) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    beside.replace(path)
