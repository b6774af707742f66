# SPDX-License-Identifier: GPL-2.0-only
"""A finding as a bundle: what shows it on a host without kseries. The state is made again, as its run made it."""

import shlex
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kseries import inputs
from kseries.app import bundlepatches, single, stateimage
from kseries.app.bundlekernel import Under, under
from kseries.app.options import Options
from kseries.bisect.staterunner import StateRunner
from kseries.host import paths, signals, untrusted
from kseries.kbuild import initramfs
from kseries.kbuild.config import Config
from kseries.model import Finding, Probe, RunResult, State, events
from kseries.model.errors import InputError
from kseries.model.sanitize import line, shortened
from kseries.probes import kunit
from kseries.report import bundle, bundlescript, expected, reproduce
from kseries.report.bundle import Bundle, Step
from kseries.report.expected import Expected, Way
from kseries.sources import export

_FEW = 12
_SHOWN = 100
"""Characters of somebody else's text that an error repeats."""
_DIGITS = 12
"""Of a tree's id, where it is shown."""
_CAPABILITIES = "capabilities"
"""The probe that tells what a kernel advertises."""
NAME_IT = "name it, too: kseries bundle RUN FINDING TARGET"


@dataclass(frozen=True)
class File:
    """A file of a bundle: what it holds, or another file that does."""

    name: str
    data: bytes = b""
    path: Path | None = None
    program: bool = False


def finding(run: RunResult, number: str) -> tuple[int, Finding]:
    """The finding that a report has under a number. Raises InputError, with those that there are."""
    if number.isascii() and number.isdecimal() and len(number) < 9 and 1 <= int(number) <= len(run.findings):
        return int(number), run.findings[int(number) - 1]
    so_far = " so far: the run was interrupted" if run.partial else ""
    if not run.findings:
        raise InputError(f"the run has no findings{so_far}")
    known = [f"{at} {one.kind} at {line(one.state)}" for at, one in enumerate(run.findings, 1)]
    more = f", and {len(known) - _FEW} more" if len(known) > _FEW else ""
    said = shortened(line(number), _SHOWN)
    raise InputError(f"the run has no finding {said}{so_far}\n  there are: {', '.join(known[:_FEW])}{more}")


@contextmanager
def files(
    run: RunResult,
    number: int,
    target: inputs.Target,
    options: Options,
    tell: events.Listener,
    *,
    with_source: bool = False,
) -> Iterator[list[File]]:
    """The files of a bundle, there as long as the context is open. Raises InputError, InfraError.

    ``target`` and ``options`` are those of the run.
    """
    found = run.findings[number - 1]
    wanted = expected.of(run, found)
    with single.state_runner(target, options, None, tell) as runner:
        state = _state(run, found, runner)
        _check_host_tests(wanted, runner)
        base = under(run, target, options, runner, tell, with_source=with_source)
        about = Bundle(
            run=run,
            finding=found,
            number=number,
            expected=wanted,
            kernel=base.kernel,
            arch=runner.setup.arch,
            config=_config(runner),
            accel=run.accel,
            machine=runner.setup.machine,
        )
        with tempfile.TemporaryDirectory(prefix="kseries-bundle-", dir=paths.cache()) as scratch:
            made = [*_made(about, base, state, runner, Path(scratch), tell)]
            if with_source:
                tell(events.Preparing(f"packing {base.kernel.name}"))
                tarball = Path(scratch) / "linux.tar.gz"
                export.tarball(runner.trees, base.tree, tarball)
                made.append(File("linux.tar.gz", path=tarball))
            yield made


def _state(run: RunResult, found: Finding, runner: StateRunner) -> State:
    """The state of a finding, which has to be the one that the run saw, on the kernel that it had."""
    again = f"run it again: {shortened(reproduce.whole(run, ()), 300)}"
    if run.base.tree != runner.base.tree:
        then, now = (f"{line(base.version)}, tree {base.tree[:_DIGITS]}" for base in (run.base, runner.base))
        raise InputError(f"{line(run.base.name)} is another kernel now: {now}; it was {then}\n  {again}")
    state = runner.state(found.state)
    seen = next((one for one in (*run.states, *run.searched) if one.id == found.state), None)
    if seen is not None and seen.tree != state.tree:
        target = shlex.quote(run.words[0]) if run.words else "TARGET"
        raise InputError(f"{target} is not what the run saw: {line(state.id)} is another tree now\n  {again}")
    return state


def _check_host_tests(wanted: Expected, runner: StateRunner) -> None:
    tests = {one.name for one in runner.setup.host_tests}
    for name in wanted.checks:
        if name.partition(".")[0] in tests:
            raise InputError(
                f"{line(name)} is of a host-side test, which drives the guest from outside: no script does\n"
                "  kseries try shows it"
            )


def _config(runner: StateRunner) -> Config:
    """The configuration, without the folders of this host in make's words."""
    config = runner.setup.config
    return replace(config, make=tuple(map(reproduce.make_elsewhere, config.make)))


def _made(
    about: Bundle, base: Under, state: State, runner: StateRunner, scratch: Path, tell: events.Listener
) -> Iterator[File]:
    about, built = _built(about, state, runner, scratch, tell)
    yield from built
    patches = [one for one in (*base.patches, *bundlepatches.of_state(state, runner)) if one.diff]
    bundlepatches.check(patches, base.tree, runner.trees)
    named = [(f"{number:04}.patch", patch) for number, patch in enumerate(patches, 1)]
    yield from (File(f"patches/{name}", patch.text) for name, patch in named)
    before, after = export.sums(runner.trees, [base.tree, *(patch.tree for patch in patches)])
    yield File("base.sha256", before.encode())
    yield File("patched.sha256", after.encode())
    about = replace(about, patches=tuple(Step(name, patch.what) for name, patch in named))
    yield File(bundle.SCRIPT, bundlescript.script(about).encode(errors="surrogateescape"), program=True)
    yield File(bundle.README, bundle.readme(about).encode())


# --- what is built ------------------------------------------------------------------------------


def _built(
    about: Bundle, state: State, runner: StateRunner, scratch: Path, tell: events.Listener
) -> tuple[Bundle, list[File]]:
    """A bundle with what its kernel is built with, and booted from."""
    made = signals.run(stateimage.make(runner, state, scratch / "state", tell))
    options = made.config
    if not options:  # Kconfig itself does not take the tree
        base = runner.state("base")
        options = signals.run(stateimage.make(runner, base, scratch / "base", tell)).config
    about = replace(about, options=options)
    if about.expected.way is Way.BUILD:
        return about, [File("config", options.encode())]
    image = stateimage.image_of(runner, made.build)
    if image is None:
        said = made.build.errors[0] if made.build.errors else "make failed and said nothing"
        raise InputError(
            f"{state.id} does not build any more: {said}\n  what make said is told by: kseries try {state.id}"
        )
    probes = _asked(made.probes, about)
    whole = scratch / "initramfs.cpio"
    added = runner.setup.added.path.read_bytes() if runner.setup.added is not None else b""
    whole.write_bytes(image.archives + initramfs.listing(probes, about.machine.probe_seconds) + added)
    reader = paths.project("reports", "bundle", "checks.awk").read_bytes()
    about = replace(about, probes=probes, boots=tuple(_boots(about, runner)))
    return about, [
        File("config", options.encode()),
        File("initramfs.cpio", path=whole),
        File("checks.awk", reader),
    ]


def _asked(probes: Sequence[Probe], about: Bundle) -> tuple[Probe, ...]:
    """The probes that the guest is to run: all of the run, unless the finding is of some checks.

    Then it is ours, and those of these checks: of the others, one may bring the machine down before.
    """
    left_out = about.run.left_out
    asked = [one for one in probes if one.name not in left_out]
    if about.expected.suites and not about.expected.checks:
        return ()
    if not about.expected.checks:
        return tuple(asked)
    names = {name.rpartition(".")[0] for name in about.expected.checks} | {_CAPABILITIES}
    return tuple(one for one in asked if one.name in names or one.argv[0].startswith("/probes/"))


def _boots(about: Bundle, runner: StateRunner) -> Iterator[tuple[str, ...]]:
    """What the kernel is told more in each boot."""
    setup = runner.setup
    stopped = setup.arch.stopped if setup.host_tests else ()
    if about.probes or not about.expected.suites:
        yield (*(kunit.words(None) if setup.kunit else ()), *stopped)
    known = {kunit.probe(suite): suite for suite in setup.suites}
    for name in about.expected.suites:
        suite = known.get(f"{kunit.PREFIX}{name}", name)
        yield kunit.words(kunit.exactly(suite, ""))


def words(run: RunResult, target: str | None) -> tuple[str, ...]:
    """TARGET and the options of a run, for another to have the same: in a box, whatever the run had.

    Raises InputError where the run does not say what it was read from, and nobody else does.
    """
    given = [one for one in run.words if one != "--unboxed"]
    bundled = paths.project("testcases", run.series.name)
    if target is None and not given and "/" not in run.series.name and bundled.is_dir():  # a run of the demo
        target = str(bundled)
    if target is not None:
        return (target, *given[1:]) if given else (target, "--arch", run.arch)
    if not given or given[0] == "-" or untrusted.is_open(Path(given[0])):
        where = "was read from standard input or a pipe" if given else "is not named in its result"
        raise InputError(f"the series of the run {where}\n  {NAME_IT}")
    return tuple(given)
