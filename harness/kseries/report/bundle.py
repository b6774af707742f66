# SPDX-License-Identifier: GPL-2.0-only
"""A bundle as a record: what shows a finding on a host without kseries; and its README, which a person reads first.

What stands where is in reports/bundle/. bundlescript.py makes the script.
"""

import functools
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

import jinja2

from kseries.arch import Arch
from kseries.host import paths
from kseries.judge import evidence
from kseries.kbuild.config import Config
from kseries.model import Accel, Finding, Machine, Probe, RunResult
from kseries.model.sanitize import line, shortened
from kseries.report import bundleneeds, text
from kseries.report.expected import Expected

SCRIPT, README = "reproduce.sh", "README"
WIDTH = 88
"""Characters of a line of text."""
_TEXT = 1000
"""Characters of any one text that is not ours."""


@dataclass(frozen=True)
class Kernel:
    """The kernel below the patches, and how it is to be had."""

    name: str
    how: tuple[str, ...]
    """Lines that tell it; those that begin with a blank are to be typed, or compared."""
    commit: str = ""
    """Where it is a commit of a repository."""
    debian: bool = False
    """Whether it comes in a package of Debian's."""
    with_source: bool = False
    """Whether the bundle has it."""


@dataclass(frozen=True)
class Step:
    """A patch of a bundle: the file's name and what it is."""

    file: str
    what: str


@dataclass(frozen=True)
class Bundle:
    """What a bundle is about, and how its kernel is built and booted."""

    run: RunResult
    finding: Finding
    number: int
    """The finding's, in the reports."""
    expected: Expected
    kernel: Kernel
    arch: Arch
    config: Config
    patches: tuple[Step, ...] = ()
    options: str = ""
    """The .config."""
    accel: Accel = field(default_factory=lambda: Accel(name="tcg", why=""))
    machine: Machine = field(default_factory=Machine)
    probes: tuple[Probe, ...] = ()
    boots: tuple[tuple[str, ...], ...] = ()
    """For each boot what its kernel is told more."""

    @property
    def name(self) -> str:
        """The finding in a few words."""
        return f"finding {self.number}, {self.finding.kind} at {short(self.finding.state)}"


def readme(bundle: Bundle) -> str:
    """What a person reads first."""
    run = bundle.run
    state = next(one for one in run.states if one.id == bundle.finding.state)
    packages = bundleneeds.packages(bundle.expected.way, bundle.arch, bundle.config, bundle.options)
    return render(
        "README.j2",
        way=str(bundle.expected.way),
        name=bundle.name,
        series=run.series.name,
        arch=run.arch,
        toolchain=run.variant.toolchain,
        sentence=[*wrapped(text.sentence(run, bundle.finding))],
        evidence=[evidence.line(one) for one in bundle.finding.evidence],
        kernel=bundle.kernel,
        patches=bundle.patches,
        packages=[*wrapped(" ".join(packages))],
        fedora=[*wrapped(" ".join(bundleneeds.of_fedora(packages)))],
        foreign=bundle.arch.toolchain.prefix,
        boots=len(bundle.boots),
        tries=bundle.expected.tries,
        seconds=[f"{stage} {round(state.seconds[stage])} s" for stage in ("build", "boot") if stage in state.seconds],
        accel=bundle.accel.name,
        probes=[line(probe.name) for probe in bundle.probes],
        suites=[*map(line, bundle.expected.suites)],
    )


def short(said: str) -> str:
    """Somebody else's text, in one line that has an end."""
    return shortened(line(said), _TEXT)


def wrapped(said: str) -> Iterator[str]:
    """The same in lines that a person reads."""
    yield from textwrap.wrap(short(said), WIDTH, break_long_words=False, break_on_hyphens=False)


def render(template: str, **values: object) -> str:
    """A file of a bundle. What is not ours has to be quoted for sh (``q``), or in one line of a text (``c``)."""
    return _environment().get_template(template).render(**values)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.project("reports", "bundle")),
        autoescape=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"q": shlex.quote, "c": short}
    return environment
