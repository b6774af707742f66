# SPDX-License-Identifier: GPL-2.0-only
"""TARGET and the options that go with it, for every command that takes one."""

import argparse
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from kseries import arch as archs
from kseries import inputs
from kseries.app import tiptests
from kseries.app.options import Options
from kseries.cli import cluster, machine
from kseries.inputs.variants import AUTO, STARTS, WORDS, Asked
from kseries.kbuild.config import Start
from kseries.model import Inference
from kseries.model.errors import InputError
from kseries.model.sanitize import few, named, shortened
from kseries.plan import scenarios
from kseries.probes import commands, kunit, programs
from kseries.sources.applying import FUZZ_LIMIT

_CORES_OF_A_WORKER = 16
"""Where there are more, most of them would wait while one configures, links or reads Makefiles."""
_OF_BOOTED = (
    "probe",
    "contract",
    "selftest",
    "run",
    "kunit",
    "host_test",
    "add",
    "userland",
    "package",
    "record_console",
    "surface",
)
"""The arguments by which somebody asks something of a kernel that is booted."""
_REVERTED = ("revert", "revert_sets", "keep_timeouts", "selftest_from")
"""What is asked of states that are none of its prefixes, or of tests."""
_SWITCHES = ("record_console", "surface", "revert_sets", "keep_timeouts")
"""Those of both that take no value."""
_RUNNING = (
    "jobs",
    "workers",
    "checkpatch",
    "selftest_clang",
    "strict",
    "record_console",
    "revert_sets",
    "most",
)
"""The arguments that decide how a run goes, and nothing of a state's result."""
_NONE: Mapping[str, Asked] = MappingProxyType({})
_MOST_WORKERS = 4
"""The first build of each is a cold one, and its folders take 2 GiB."""


def add_arguments(parser: argparse.ArgumentParser, *, needed: bool = True) -> None:
    """What decides which states there are; without ``needed``, TARGET may be left out."""
    add_series_arguments(parser, needed=needed)
    parser.add_argument(
        "--scenario",
        metavar="S,..",
        default=",".join(scenarios.DEFAULT),
        help=f"which states: {', '.join(scenarios.SCENARIOS)} (default: %(default)s)",
    )
    parser.add_argument(
        "--revert", metavar="J,K", action="append", default=[], help="these patches reverted together, too; or J..K"
    )


def add_series_arguments(parser: argparse.ArgumentParser, *, needed: bool = True, reroll: bool = True) -> None:
    """What decides which series it is, and on which kernel; without ``reroll`` the newest version of it is taken."""
    forms = f"{inputs.FORMS} (an mbox on standard input)"
    parser.add_argument("target", metavar="TARGET", nargs=None if needed else "?", help=forms)
    parser.add_argument("--tree", metavar="T", help="git repository, directory, tarball or debian:linux-source-6.12")
    parser.add_argument(
        "--base",
        metavar="REV",
        help="the revision of --tree under the series (default: its base-commit, what its files match, or HEAD)",
    )
    parser.add_argument(
        "--prerequisite",
        metavar="FILE",
        action="append",
        default=[],
        help="what the series is made on top of: patches, as a TARGET, that are applied first",
    )
    parser.set_defaults(reroll=None)
    if reroll:
        parser.add_argument(
            "-v",
            "--reroll-count",
            metavar="N",
            type=up_to(9999),
            dest="reroll",
            help="v N of the series (default: the newest)",
        )
    parser.add_argument(
        "--fuzz",
        metavar="N",
        type=up_to(FUZZ_LIMIT, least=0),
        default=0,
        help="N lines of a hunk's context may be wrong at either end, as in patch(1); each is told (default: 0)",
    )


def add_kernel_arguments(parser: argparse.ArgumentParser, *, several: bool = False, unbooted: bool = True) -> None:
    """What decides how they are built and booted, and so whether their results are known.

    ``several`` is for a command that takes more than one architecture. Without ``unbooted`` it boots each kernel: it
    refuses --build-only, and does not list it.
    """
    add_arch_argument(parser, several=several)
    parser.add_argument(
        "--probe",
        metavar="P,..",
        action="append",
        default=[],
        help="which of ours (default: all but surface), and FILE.c or a static binary to run beside them",
    )
    parser.add_argument(
        "--surface", action="store_true", help="list what each kernel shows to user space, and tell what is new"
    )
    parser.add_argument(
        "--contract", metavar="FILE", type=Path, action="append", default=[], help="what the series promises"
    )
    parser.add_argument(
        "--no-contracts", action="store_true", help="leave out our contracts and those of TARGET; --contract stays"
    )
    parser.add_argument(
        "--selftest",
        metavar="TARGET:T,..",
        action="append",
        default=[],
        help="tests of the kernel's own (tools/testing/selftests), as in timers:posix_timers,rtcpie, or one with words,"
        " as in 'kvm:demand_paging_test -b 16M'; with a userland scripts (net:rtnetlink.sh) and whole targets (timers),"
        " too",
    )
    parser.add_argument(
        "--keep-timeouts",
        action="store_true",
        help="ask every state the selftests that give no answer on base in time, too",
    )
    parser.add_argument(
        "--selftest-from",
        choices=(tiptests.STATE, tiptests.TIP),
        default=tiptests.STATE,
        help="whose these are: each state's own, or on all states the tip's (default: %(default)s)",
    )
    parser.add_argument(
        "--run",
        metavar="NAME=COMMAND",
        action="append",
        default=[],
        help="a line for a shell of the userland, once per boot: exit status 0 passes, 4 is skipped, any other fails",
    )
    parser.add_argument(
        "--kunit",
        metavar="GLOB",
        action="append",
        default=[],
        help="what each kernel tests itself with: suites of KUnit, SUITE.CASE, or auto: those of what is changed",
    )
    parser.add_argument(
        "--host-test",
        metavar="T",
        type=Path,
        action="append",
        default=[],
        help="tests for pytest, which drive each booted guest from outside: test_X.py, or the name of one of ours",
    )
    parser.add_argument("--add", metavar="DIR", type=Path, help="have the files of DIR in the guest, as /add")
    parser.add_argument(
        "--config",
        metavar="FRAGMENT",
        action="append",
        default=[],
        help="added to ours; auto: the options that have what the series changes compiled; defconfig, allnoconfig: what"
        " all other options are",
    )
    parser.add_argument("--make", metavar="ARG", action="append", default=[], help="a word for make: LLVM=1, W=1, C=1")
    parser.add_argument(
        "--userland",
        metavar="U",
        help="programs for the guest: debian:bookworm, a folder that is a root file system, or FILE.squashfs",
    )
    parser.add_argument(
        "--package", metavar="NAME,..", action="append", default=[], help="Debian packages that the userland has, too"
    )
    parser.add_argument("--debug", action="store_true", help="a kernel with lockdep and KASAN")
    built = "boot no state: warnings, and what does not build" if unbooted else argparse.SUPPRESS
    parser.add_argument("--build-only", action="store_true", help=built)
    parser.add_argument(
        "--repeat", metavar="N", type=up_to(1000), default=1, help="boot each kernel N times: flaky, or broken?"
    )
    parser.add_argument("--quick", action="store_true", help="leave out the slow probes")
    machine.add_arguments(parser)
    parser.add_argument(
        "--unboxed",
        action="store_true",
        help="build and boot without a box: the patches may then do all that you may",
    )


def add_arch_argument(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Which architecture a command is about, or ``several``; ``options`` and ``each`` read it."""
    metavar, what = ("A,..", "architectures, each judged by itself") if several else ("A", "the architecture")
    known = ", ".join(archs.known())
    parser.add_argument(
        "--arch", metavar=metavar, default=archs.default(), help=f"{what}: {known} (default: %(default)s)"
    )


def add_strict_argument(parser: argparse.ArgumentParser) -> None:
    """Whether nothing found is enough for exit 0."""
    parser.add_argument("--strict", action="store_true", help="exit 1, too, where a verdict is not judged")


def add_promise_argument(parser: argparse.ArgumentParser) -> None:
    """What is made of promises that no contract speaks of."""
    parser.add_argument(
        "--promise",
        choices=[one.value for one in Inference],
        default=Inference.SUSPECT.value,
        help="what no contract speaks of and a state seems to break: nothing (off), advice (suspect), or a finding as"
        " if a contract had it (inferred) (default: %(default)s)",
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """What decides nothing of a state's result."""
    add_strict_argument(parser)
    add_promise_argument(parser)
    parser.add_argument(
        "--selftest-clang", action="store_true", help="have clang compile the tip's tests, too, as advice"
    )
    parser.add_argument("--checkpatch", action="store_true", help="the base's checkpatch.pl on each patch, as advice")
    add_out_argument(parser)
    add_worker_arguments(parser)


def add_out_argument(
    parser: argparse.ArgumentParser, what: str = "result, reports and logs", default: str = "kseries-out"
) -> None:
    """Where a command writes what it leaves."""
    told = f"where {what} go (default: %(default)s)"
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path(default), help=told)


def add_worker_arguments(parser: argparse.ArgumentParser) -> None:
    """How much of this host a run takes."""
    cores = os.cpu_count() or 1
    parser.add_argument(
        "-j",
        "--jobs",
        metavar="N",
        type=up_to(4096),
        default=cores,
        help="make's jobs, of all workers together (default here: %(default)s)",
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        type=up_to(256),
        default=max(1, min(cores // _CORES_OF_A_WORKER, _MOST_WORKERS)),
        help="states that are built at a time (default here: %(default)s)",
    )
    cluster.add_arguments(parser)


def add_recording_argument(parser: argparse.ArgumentParser) -> None:
    """Whether states without a recording of their consoles are booted again, though their results are known."""
    parser.add_argument(
        "--record-console",
        action="store_true",
        help="record what each console says and what is typed at it, as an asciicast beside its log",
    )


def load(args: argparse.Namespace) -> inputs.Target:
    """The TARGET of a command line; of a command that says how it walks one, it may be a history. Raises InputError."""
    return inputs.load(args.target, args.tree, args.reroll, getattr(args, "walk", None))


def arch_names(args: argparse.Namespace) -> tuple[str, ...]:
    """The architectures that a command line asks for. Raises InputError."""
    names = tuple(archs.get(name).name for name in dict.fromkeys(_names(args.arch)))
    if not names:
        raise InputError(f"--arch names none\n  there are: {', '.join(archs.known())}")
    return names


def each(args: argparse.Namespace, asked: Mapping[str, Asked] = _NONE) -> tuple[Options, ...]:
    """The options of each run that a command line asks for: one for each variant, or else for each architecture, in a
    folder of its own. Raises InputError.
    """
    names = arch_names(args)
    if asked and len(names) > 1:
        told = f"--arch {','.join(names)}: this is judged for variants: {few([*asked])}"
        raise InputError(f"{told}\n  of a variant it is said as arch:{names[0]}")
    if asked:
        return tuple(_of_variant(args, name, one, names[0]) for name, one in asked.items())
    return tuple(_options(args, name, args.out / name if len(names) > 1 else args.out) for name in names)


def booted(args: argparse.Namespace) -> Options:
    """As ``options``, of a command that boots. Raises InputError."""
    if args.build_only:
        raise InputError("--build-only: this needs a guest that is booted\n  drop it")
    return options(args)


def without_booted(words: Sequence[str]) -> list[str]:
    """The words of a run without what asks something of kernels that are booted, as --build-only has it."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in (*_OF_BOOTED, *_REVERTED):
        parser.add_argument(f"--{name.replace('_', '-')}", action="store_true" if name in _SWITCHES else "append")
    parser.add_argument("--repeat")
    return parser.parse_known_args(words)[1]


def _check_build_only(args: argparse.Namespace) -> None:
    """Raise InputError where something is asked of kernels that nobody is to boot."""
    given = [(f"--{name.replace('_', '-')}", getattr(args, name, None)) for name in _OF_BOOTED]
    for option, value in (*given, ("--repeat", args.repeat > 1)) if args.build_only else ():
        if value:
            raise InputError(f"--build-only {option}: no kernel is booted that could be asked\n  drop one of them")
    if args.build_only and not getattr(args, "build", True):  # of try and bisect (question.py)
        raise InputError("--build-only: no kernel is booted that could be asked\n  add --build, or drop --build-only")


def _of_variant(args: argparse.Namespace, name: str, asked: Asked, arch: str) -> Options:
    """What all have, and what a variant adds."""
    own = argparse.Namespace(**vars(args))
    own.config = [*args.config, *asked.config]
    own.make = [*args.make, *asked.make]
    own.build_only = args.build_only or not asked.boot
    if not asked.boot:
        vars(own).update(
            {name: [] if isinstance(getattr(own, name), list) else None for name in _OF_BOOTED if name in own}
        )
        own.repeat, own.timeout, own.selftest_from, own.keep_timeouts = 1, [], tiptests.STATE, False
        own.accel = None  # of another architecture, it might not be had
    return _options(own, archs.get(asked.arch or arch).name, args.out / name, name)


def options(args: argparse.Namespace) -> Options:
    """The options of a command that does one thing; ``add_run_arguments`` and ``--scenario`` may be left out.

    Raises InputError.
    """
    names = arch_names(args)
    if len(names) > 1:
        raise InputError(f"--arch {','.join(names)}: one at a time here")
    return _options(args, names[0], getattr(args, "out", None) or Path())


def _options(args: argparse.Namespace, arch: str, out: Path, label: str = "") -> Options:
    _check_build_only(args)
    running = {name: getattr(args, name) for name in _RUNNING if hasattr(args, name)}
    if hasattr(args, "promise"):
        running["inference"] = Inference(args.promise)
    if hasattr(args, "scenario"):
        running["scenarios"] = _scenarios(args.scenario)
        running["reverts"] = tuple("+".join(_names(numbers)) for numbers in args.revert)
    probes = [word for words in args.probe for word in _names(words)]
    return Options(
        **running,
        out=out,
        tree=args.tree,
        base=args.base,
        prerequisites=tuple(args.prerequisite),
        arch=arch,
        probes=tuple(word for word in probes if not programs.is_file(word)) or None,
        programs=tuple(Path(word) for word in probes if programs.is_file(word)),
        contracts=tuple(args.contract),
        no_contracts=args.no_contracts,
        selftests=tuple(args.selftest),
        keep_timeouts=args.keep_timeouts,
        checks=tuple(filter(None, (getattr(args, "check", None),))),
        selftests_from=args.selftest_from,
        runs=commands.parse(args.run),
        host_tests=tuple(args.host_test),
        kunit=kunit.parse(args.kunit),
        add=args.add,
        config=tuple(Path(one) for one in args.config if one not in WORDS),
        start=_start(args),
        auto=AUTO in args.config,
        make=tuple(args.make),
        debug=args.debug,
        build_only=args.build_only,
        label=label,
        repeat=args.repeat,
        quick=args.quick,
        surface=bool(args.surface),
        userland=args.userland,
        packages=tuple(word for words in args.package for word in _names(words)),
        words=tuple(_words(args, arch)),
        unboxed=args.unboxed,
        fuzz=args.fuzz,
        machine=machine.of(args),
        timeouts=machine.timeouts(args),
        cluster=cluster.of(args),
    )


def _start(args: argparse.Namespace) -> Start:
    """Raises InputError where there are two."""
    asked = tuple(dict.fromkeys(one for one in args.config if one in STARTS))
    if len(asked) > 1:
        raise InputError(f"--config {' --config '.join(asked)}: a configuration begins with one of them")
    return Start(asked[0]) if asked else Start.TINY


def _words(args: argparse.Namespace, arch: str) -> Iterator[str]:
    """TARGET and what decides which kernels come of it: what brings somebody else to the same ones."""
    yield named(args.target)
    given = [("--tree", args.tree), ("--base", args.base), ("-v", args.reroll)]
    given += [("--selftest-from", args.selftest_from if args.selftest_from != tiptests.STATE else None)]
    given += [("--fuzz", args.fuzz or None), ("--add", args.add)]
    given += [("--userland", args.userland), ("--arch", arch)]  # the next host may have another default
    for option in ("prerequisite", "probe", "contract", "selftest", "run", "kunit", "config", "make", "package"):
        given += [(f"--{option}", value) for value in getattr(args, option)]
    given += [("--host-test", value) for value in args.host_test]
    given += [("--repeat", args.repeat if args.repeat > 1 else None), *machine.words(args)]
    for option, value in given:
        if value is not None:
            yield from (option, named(str(value)))
    flags = ("no-contracts", "debug", "build-only", "quick", "surface", "keep-timeouts", "unboxed")
    yield from (f"--{flag}" for flag in flags if getattr(args, flag.replace("-", "_")))


def up_to(most: int, least: int = 1) -> Callable[[str], int]:
    """Numbers that anybody can mean: what is made for each of them takes time, memory, processes."""

    def number(text: str) -> int:
        if not re.fullmatch(r"0*[0-9]{1,9}", text) or not least <= int(text.lstrip("0") or 0) <= most:
            raise argparse.ArgumentTypeError(f"{shortened(text, 20)} is not a number from {least} to {most}")
        return int(text.lstrip("0") or 0)

    return number


def _scenarios(text: str) -> tuple[str, ...]:
    names = _names(text)
    if not names:
        raise InputError(f"--scenario names none\n  there are: {', '.join(scenarios.SCENARIOS)}")
    return names


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
