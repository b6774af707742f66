# SPDX-License-Identifier: GPL-2.0-only
"""The script of a bundle: sh that builds and boots what a run did, and looks for what a finding rests on. Pure.

Everything that somebody else wrote is a quoted word of it, or stands in one line of a comment.
"""

import dataclasses
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kseries.guest import kunitboots, machine, qemu
from kseries.kbuild.make import variables
from kseries.report import bundleneeds, text
from kseries.report.bundle import Bundle, render, wrapped
from kseries.report.expected import Way

_SOURCE, _BUILD, _CROSS = "@SOURCE@", "@BUILD@", "@CROSS@"
_VARIABLES = {_SOURCE: "source", _BUILD: "build", _CROSS: "cross"}
"""What stands in a word for a variable of the script."""
_MARK = re.compile(f"({'|'.join(_VARIABLES)})")
_NEEDS = {
    "check": ("answer", "spelled", "begun"),
    "differs": ("answer", "spelled"),
    "before_probes": ("begun", "spelled"),
    "during_probes": ("begun", "spelled"),
}
"""The functions of the script that others call."""


def script(bundle: Bundle) -> str:
    """A script for sh(1) that shows the finding of a bundle."""
    way, arch, config, accel = bundle.expected.way, bundle.arch, bundle.config, bundle.accel.name
    return render(
        "reproduce.sh.j2",
        title=[*_title(bundle)],
        way=str(way),
        name=bundle.name,
        kernel=bundle.kernel,
        programs=bundleneeds.programs(way, arch, config, bundle.options),
        headers=bundleneeds.headers(bundle.options),
        arch=arch,
        cross=not config.llvm,
        make=[in_script(word) for word in _make_words(bundle)],
        configure=config.target,
        targets=" ".join(_targets(bundle)),
        accel=accel,
        cpu=arch.cpu,
        machine=bundle.machine,
        stall_seconds=round(bundle.machine.stall_seconds),
        seconds=round(machine.seconds(bundle.machine, bundle.probes) + _tests(bundle)),
        qemu=[*_qemu_words(bundle)],
        boots=[*_boots(bundle)],
        looks=bundle.expected.looks,
        used=_used(bundle.expected.looks),
        tries=bundle.expected.tries,
        asked=bool(bundle.probes),
    )


def _title(bundle: Bundle) -> Iterator[str]:
    count = len(bundle.run.series.patches)
    yield from wrapped(f"Shows {bundle.name}, of {bundle.run.series.name} ({count} patch{'es' * (count != 1)}):")
    yield from wrapped(text.sentence(bundle.run, bundle.finding))
    yield ""
    does = "It builds a copy of the kernel with the patches beside this script, and looks at what make says."
    if bundle.expected.way is Way.BOOT:
        does = (
            "It builds a copy of the kernel with the patches beside this script, boots it in QEMU, and looks at what"
            " the guest says. The guest has no network and no file of this host."
        )
    yield from wrapped(f"{does} All that it writes is in WORK.")
    yield from wrapped("The patches' Makefiles run with your rights: read the patches first.")


def _used(looks: Iterable[str]) -> frozenset[str]:
    """The functions that some lines of the script call, and those that these call."""
    called = {one.partition(" ")[0] for one in looks}
    return frozenset(called.union(*(_NEEDS.get(one, ()) for one in called)))


# --- make ---------------------------------------------------------------------------------------


def _make_words(bundle: Bundle) -> list[str]:
    """What make is told, with marks in the place of folders and of the compiler's prefix."""
    toolchain = dataclasses.replace(bundle.arch.toolchain, prefix=_CROSS)
    anywhere = dataclasses.replace(bundle.arch, toolchain=toolchain)
    return variables(anywhere, bundle.config, Path(_SOURCE), Path(_BUILD))


def _targets(bundle: Bundle) -> tuple[str, ...]:
    """What make is asked for. The modules that a guest has are in its initramfs."""
    if bundle.expected.way is Way.BOOT:
        return (bundle.arch.kernel_target,)
    modules = ("modules",) if re.search("^CONFIG_MODULES=y$", bundle.options, re.MULTILINE) else ()
    return ("headers", bundle.arch.kernel_target, *modules)


def in_script(word: str) -> str:
    """A word of a command in sh, with a variable in the place of each mark; all else is taken as it is."""
    parts = [f'"${_VARIABLES[one]}"' if one in _VARIABLES else shlex.quote(one) for one in _MARK.split(word) if one]
    return "".join(parts) or "''"


# --- QEMU ---------------------------------------------------------------------------------------


def _qemu_words(bundle: Bundle) -> Iterator[str]:
    """QEMU's command line in sh, an option and its value at a time."""
    arch, files = bundle.arch, ("console.log", "results.log")
    argv = qemu.file_argv(arch, bundle.accel, Path("kernel"), Path("initramfs.cpio"), "", *files, bundle.machine)
    ours = {
        "-accel": '"$accel"',
        "-cpu": '"$cpu"',
        "-kernel": f'"$build"/{shlex.quote(arch.kernel_path)}',
        "-append": '"$1"',
    }
    words = [*argv]
    yield shlex.quote(words.pop(0))
    while words:
        option = words.pop(0)
        value = words.pop(0) if words and not words[0].startswith("-") else None
        quoted = ours.get(option) or (shlex.quote(value) if value is not None else "")
        yield f"{shlex.quote(option)} {quoted}".rstrip()


@dataclass(frozen=True)
class _Boot:
    """One boot: the kernel's command line, how long until the first result, and whether that is of KUnit."""

    words: str
    seconds: int
    kunit: bool


def _boots(bundle: Bundle) -> Iterator[_Boot]:
    for words in bundle.boots:
        tests = any(word.startswith("kunit.filter_glob=") for word in words)
        seconds = bundle.machine.boot_seconds + (_tests(bundle) if tests else 0)
        yield _Boot(qemu.kernel_command_line(bundle.arch, bundle.machine, words), round(seconds), tests)


def _tests(bundle: Bundle) -> float:
    """Seconds for a kernel that tests itself."""
    return kunitboots.LONG_CASES * bundle.machine.probe_seconds if bundle.expected.suites else 0.0
