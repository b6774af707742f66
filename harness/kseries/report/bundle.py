# SPDX-License-Identifier: GPL-2.0-only
"""The text of a bundle: the script that shows a finding on a host without kseries, and its README. Pure.

What stands where is in reports/bundle/. Everything that somebody else wrote is a quoted word of the script, or stands
in one line of a comment.
"""

import dataclasses
import functools
import re
import shlex
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2

from kseries.arch import Arch
from kseries.guest import machine, qemu
from kseries.host import paths
from kseries.judge import evidence
from kseries.kbuild.config import Config
from kseries.kbuild.make import variables
from kseries.model import Accel, Finding, Machine, Probe, RunResult
from kseries.model.sanitize import line, shortened
from kseries.report import text
from kseries.report.expected import Expected, Way

SCRIPT, README = "reproduce.sh", "README"
_WIDTH = 96
_TEXT = 1000
"""Characters of any one text in a comment or in README."""
_SOURCE, _BUILD, _CROSS = "@SOURCE@", "@BUILD@", "@CROSS@"
_VARIABLES = {_SOURCE: "source", _BUILD: "build", _CROSS: "cross"}
_LONG_CASES = 20
"""As guest/kunitboots.py has it: cases of KUnit that may take as long as a probe."""
_TOOLS = (("git", "git"), ("tar", "tar"), ("sha256sum", "coreutils"))
_BUILDS = (
    ("make", "make"),
    ("gcc", "gcc"),
    ("ld", "binutils"),
    ("flex", "flex"),
    ("bison", "bison"),
    ("bc", "bc"),
    ("perl", "perl-base"),
)
_BY_OPTION = (
    ("CONFIG_DEBUG_INFO_BTF", ("pahole", "dwarves")),
    ("CONFIG_IKHEADERS", ("cpio", "cpio")),
    ("CONFIG_KERNEL_ZSTD", ("zstd", "zstd")),
    ("CONFIG_KERNEL_LZ4", ("lz4", "lz4")),
)
_HEADERS_BY_OPTION = (
    ("CONFIG_OBJTOOL", ("gelf.h", "libelf-dev")),
    ("CONFIG_SYSTEM_TRUSTED_KEYRING", ("openssl/opensslv.h", "libssl-dev")),
    ("CONFIG_MODULE_SIG", ("openssl/opensslv.h", "libssl-dev")),
)
_FEDORA = {
    "libelf-dev": "elfutils-libelf-devel",
    "libssl-dev": "openssl-devel",
    "libc6-dev": "glibc-devel",
    "xz-utils": "xz",
    "perl-base": "perl",
    "qemu-system-x86": "qemu-system-x86-core",
    "qemu-system-arm": "qemu-system-aarch64-core",
    "mawk": "gawk",
    "procps": "procps-ng",
}


@dataclass(frozen=True)
class Kernel:
    """The kernel below the patches, and how it is to be had."""

    name: str
    how: tuple[str, ...]
    """Lines that tell it."""
    commit: str = ""
    """Where it is a commit of a repository."""
    debian: bool = False
    with_source: bool = False


@dataclass(frozen=True)
class Step:
    """A patch of a bundle: the file's name and what it is."""

    file: str
    what: str


@dataclass(frozen=True)
class Steps:
    """Of a conflict: git's words that go before, and those of which one ends in it."""

    before: tuple[tuple[str, ...], ...] = ()
    tried: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Bundle:
    """What a bundle is about. Of a conflict nothing is built: then there is no .config and no probe."""

    run: RunResult
    finding: Finding
    number: int
    expected: Expected
    kernel: Kernel
    patches: tuple[Step, ...]
    arch: Arch
    config: Config
    options: str = ""
    """The .config."""
    accel: Accel = dataclasses.field(default_factory=lambda: Accel(name="tcg", why=""))
    machine: Machine = dataclasses.field(default_factory=Machine)
    probes: tuple[Probe, ...] = ()
    boots: tuple[tuple[str, ...], ...] = ()
    """For each boot what its kernel is told more; of one of KUnit, KUnit's words."""
    steps: Steps = dataclasses.field(default_factory=Steps)

    @property
    def name(self) -> str:
        """The finding in a few words."""
        return f"finding {self.number}, {self.finding.kind} at {self.finding.state}"


# --- the script ---------------------------------------------------------------------------------


def script(bundle: Bundle) -> str:
    """A script for sh(1) that shows the finding."""
    way, arch, accel = bundle.expected.way, bundle.arch, bundle.accel.name
    builds = way is not Way.CONFLICT
    return _render(
        "reproduce.sh.j2",
        title=[*_title(bundle)],
        way=str(way),
        name=_short(bundle.name),
        kernel=_short(bundle.kernel.name),
        commit=bundle.kernel.commit,
        debian=bundle.kernel.debian,
        with_source=bundle.kernel.with_source,
        programs=programs(bundle),
        headers=headers(bundle),
        cross=builds and not bundle.config.llvm,
        machine=arch.machine,
        prefix=arch.toolchain.prefix,
        compiler_package=arch.toolchain.compiler_package,
        linker_package=arch.toolchain.binutils_package,
        make=[in_script(word) for word in make_words(arch, bundle.config)],
        configure=bundle.config.target,
        targets=" ".join(targets(bundle)),
        accel=accel,
        cpu=arch.cpu[accel],
        cpu_of_tcg=arch.cpu["tcg"],
        stall_seconds=round(bundle.machine.stall_seconds),
        seconds=round(_seconds(bundle)),
        disks=bundle.machine.disks,
        qemu=[*qemu_words(bundle)],
        boots=[*_boots(bundle)],
        looks=bundle.expected.looks,
        used=_used(bundle.expected.looks),
        tries=bundle.expected.tries,
        steps=bundle.steps,
    )


def _used(looks: Iterable[str]) -> frozenset[str]:
    """The functions that some lines call, and those that these call."""
    called = {one.partition(" ")[0] for one in looks}
    return frozenset(called | ({"answer"} if called & {"check", "differs"} else set()))


def _title(bundle: Bundle) -> Iterator[str]:
    count = len(bundle.run.series.patches)
    head = f"Shows {bundle.name}, of {bundle.run.series.name} ({count} patch{'es' * (count != 1)}):"
    yield from _wrapped(head)
    yield from _wrapped(text.sentence(bundle.run, bundle.finding))
    yield ""
    does = {
        Way.CONFLICT: "It has git make the state of the source that cannot be made, in a repository of its own.",
        Way.BUILD: "It builds a copy of the kernel with the patches beside this script, and looks at what make says.",
        Way.BOOT: "It builds a copy of the kernel with the patches beside this script, boots it in QEMU, and looks at"
        " what the guest says. The guest has no network and no file of this host.",
    }
    yield from _wrapped(f"{does[bundle.expected.way]} All that it writes is in WORK.")
    if bundle.expected.way is not Way.CONFLICT:
        yield from _wrapped("The patches' Makefiles run with your rights: read the patches first.")


def programs(bundle: Bundle) -> tuple[tuple[str, str], ...]:
    """The programs that the script starts, each with the Debian package that has it."""
    found = [*_TOOLS]
    if bundle.kernel.debian and not bundle.kernel.with_source:
        found.append(("xz", "xz-utils"))
    if bundle.expected.way is Way.CONFLICT:
        return tuple(found)
    found += _BUILDS
    found += _of_options(bundle, _BY_OPTION)
    if bundle.config.llvm:
        clang, lld = map(bundle.config.of_llvm, ("clang", "ld.lld"))
        found += [(clang, "clang"), (lld, "lld")]
    found += [(tool, tool) for tool in bundle.config.named_tools if "/" not in tool]
    if bundle.config.checker and "/" not in bundle.config.checker:
        found.append((bundle.config.checker, bundle.config.checker))
    if bundle.expected.way is Way.BOOT:
        found += [("awk", "mawk"), (bundle.arch.qemu, bundle.arch.qemu_package)]
    return tuple(dict.fromkeys(found))


def headers(bundle: Bundle) -> tuple[tuple[str, str], ...]:
    """The headers that programs of the build need, likewise."""
    if bundle.expected.way is Way.CONFLICT:
        return ()
    return tuple(dict.fromkeys((("stdio.h", "libc6-dev"), *_of_options(bundle, _HEADERS_BY_OPTION))))


def _of_options(bundle: Bundle, by: Iterable[tuple[str, tuple[str, str]]]) -> list[tuple[str, str]]:
    enabled = {*re.findall(r"^(CONFIG_\w+)=[ym]$", bundle.options, re.MULTILINE)}
    return [needed for option, needed in by if option in enabled]


def targets(bundle: Bundle) -> tuple[str, ...]:
    """What make is asked for. Modules that a guest has are in its initramfs."""
    if bundle.expected.way is Way.BOOT:
        return (bundle.arch.kernel_target,)
    modules = ("modules",) if "CONFIG_MODULES=y" in bundle.options else ()
    return ("headers", bundle.arch.kernel_target, *modules)


def make_words(arch: Arch, config: Config) -> list[str]:
    """What make is told, with marks in the place of folders and of the compiler's prefix."""
    toolchain = dataclasses.replace(arch.toolchain, prefix=_CROSS)
    anywhere = dataclasses.replace(arch, toolchain=toolchain)
    return variables(anywhere, config, Path(_SOURCE), Path(_BUILD))


_MARK = re.compile(f"({'|'.join(_VARIABLES)})")


def in_script(word: str) -> str:
    """A word of a command in sh, with a variable in the place of each mark; all else is taken as it is."""
    parts = (
        f'"${_VARIABLES[part]}"' if part in _VARIABLES else shlex.quote(part) for part in _MARK.split(word) if part
    )
    return "".join(parts) or "''"


def qemu_words(bundle: Bundle) -> Iterator[str]:
    """QEMU's command line, in sh."""
    arch, files = bundle.arch, ("console.log", "results.log")
    argv = qemu.file_argv(arch, bundle.accel, Path("kernel"), Path("initrd"), "", *files, bundle.machine)
    variables = {
        "-accel": '"$accel"',
        "-cpu": '"$cpu"',
        "-kernel": f'"$build"/{shlex.quote(arch.kernel_path)}',
        "-initrd": "initramfs.cpio",
        "-append": '"$1"',
    }
    words = iter(argv)
    yield shlex.quote(next(words))
    for option, value in _options(words):
        word = variables.get(option) or (shlex.quote(value) if value is not None else "")
        yield f"{shlex.quote(option)} {word}".rstrip()


def _options(words: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """QEMU's options, each with its value, if it has one."""
    rest = [*words]
    while rest:
        option = rest.pop(0)
        yield option, rest.pop(0) if rest and not rest[0].startswith("-") else None


@dataclass(frozen=True)
class _Boot:
    words: str
    seconds: int
    """Until the first result."""
    kunit: bool


def _boots(bundle: Bundle) -> Iterator[_Boot]:
    given = bundle.machine
    for words in bundle.boots:
        tests = any(word.startswith("kunit.filter_glob=") for word in words)
        seconds = given.boot_seconds + (_LONG_CASES * given.probe_seconds if tests else 0)
        yield _Boot(qemu.kernel_command_line(bundle.arch, given, words), round(seconds), tests)


def _seconds(bundle: Bundle) -> float:
    """The longest that a boot may take."""
    tests = _LONG_CASES * bundle.machine.probe_seconds if bundle.expected.suites else 0
    return machine.seconds(bundle.machine, bundle.probes) + tests


# --- README -------------------------------------------------------------------------------------


def readme(bundle: Bundle) -> str:
    """What a person reads first."""
    run = bundle.run
    state = next(one for one in run.states if one.id == bundle.finding.state)
    packages = [package for _, package in (*programs(bundle), *headers(bundle))]
    if bundle.expected.way is not Way.CONFLICT and not bundle.config.llvm:
        packages += [bundle.arch.toolchain.compiler_package, bundle.arch.toolchain.binutils_package]
    packages = sorted(dict.fromkeys(packages))
    return _render(
        "README.j2",
        way=str(bundle.expected.way),
        name=_short(bundle.name),
        series=run.series,
        arch=run.arch,
        toolchain=_short(run.variant.toolchain),
        sentence=[*_wrapped(text.sentence(run, bundle.finding))],
        evidence=[_short(one) for one in map(evidence.line, bundle.finding.evidence)],
        kernel=bundle.kernel,
        patches=bundle.patches,
        packages=[*_wrapped(" ".join(packages))],
        fedora=[*_wrapped(" ".join(sorted({_FEDORA.get(one, one) for one in packages})))],
        foreign=bundle.arch.toolchain.prefix,
        boots=len(bundle.boots),
        tries=bundle.expected.tries,
        seconds=_told_seconds(state.seconds),
        accel=bundle.accel.name,
        probes=[probe.name for probe in bundle.probes],
        suites=bundle.expected.suites,
    )


def _told_seconds(seconds: dict[str, float]) -> list[str]:
    return [f"{name} {round(value)} s" for name, value in seconds.items() if value >= 1]


def _short(said: str) -> str:
    return shortened(line(said), _TEXT)


def _wrapped(said: str) -> Iterator[str]:
    yield from textwrap.wrap(_short(said), _WIDTH - 8, break_long_words=False, break_on_hyphens=False)


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(**values)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.project("reports", "bundle")),
        autoescape=False,  # no HTML: each value is quoted for sh, or one line
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"q": shlex.quote, "c": _short}
    return environment
