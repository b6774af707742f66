# SPDX-License-Identifier: GPL-2.0-only
"""kselftest as it is installed, as probes: each test is a command of the userland that the kernel's own runner runs.

run_kselftest.sh tells of a test by one result line, and has all that the test prints behind ``# ``: what it prints is
read here as what a reproducer prints, and the runner's line becomes the exit status (kselftest/runner.sh).
"""

import re
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from kseries.model import Origin, Probe
from kseries.model.machine import MOST_SECONDS
from kseries.model.probe import MOST_NAME
from kseries.probes.targets import Target

PLACE = "selftests"
"""Where the installed tree is, below the root of the guest and of its userland (guests/init/init.c)."""
LIST = "kselftest-list.txt"
"""The tests of an installed tree, as COLLECTION:TEST (the Makefile of tools/testing/selftests)."""
_SETTINGS_SECONDS = 45
"""What the runner gives a test whose target has no settings (kselftest_default_timeout)."""
_SLACK = 15
"""Seconds that the runner has beside its test: it is to tell of a timeout itself."""
_TIMEOUT = re.compile(r"^timeout=[\"']?(\d{1,9})[\"']?$", re.MULTILINE)
_TEST = re.compile(r"(?P<target>[\w/-]+):(?P<test>\w[\w.+-]*)", re.ASCII)
_MOST = 500
"""Tests of a target that are run; net has 110. What is beyond is told of by a probe of the target's own name."""
_ENDS = " ".join(
    f"-e '{one}'"
    for one in (
        "s/^# //p;t",  # what the test prints
        r"/^TAP version/d;/^1\.\.1$/d",
        "/^ok 1 selftests: .* # SKIP/{s/^/# /p;q4}",
        "/^ok 1 selftests: /q",
        "/^not ok 1 selftests: .* # TIMEOUT/{s/^/# /p;q124}",
        "/^not ok 1 selftests: /{s/^/# /p;q1}",
        "p;$q1",  # of what told no result, nothing is known
    )
)
_WHOLE = "; ".join(rf"/^[# ]*{result} 1 selftests: /b" for result in ("ok", "not ok"))
_APART = "; t; ".join(
    rf"s,^\(# .*[^# ].*\)\({result} 1 selftests: $name\)\($\| # .*\),\1\n\2\3," for result in ("not ok", "ok")
)
"""Where a test ends within a line, the runner goes on there with its result. What it repeats of others' is not that."""
_RUN = (
    f"ip link set lo up 2>/dev/null; cd /{PLACE} &&"
    ' { ./run_kselftest.sh -t "$0" 2>&1; echo "the runner has ended without a result"; }'
    rf' | (name="${{0%%:*}}: ${{0#*:}}"; sed -u "{_WHOLE}; {_APART}") | sed -nu {_ENDS}'
)
"""Its $0 is COLLECTION:TEST. 124 is what timeout(1) exits with. Each distribution has lo up before anything else."""
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}


def probes(wanted: Iterable[Target]) -> tuple[Probe, ...]:
    """A probe for each script, and one for each whole target, which stands for all tests of it (``for_kernel``)."""
    return tuple(_probe(one) for one in wanted)


def _probe(one: Target) -> Probe:
    argv = ("/bin/sh", "-c", _RUN, one.word)
    return Probe(name=one.name, argv=argv, origin=Origin.COMMAND, environment=_ENVIRONMENT)


def is_one(probe: Probe) -> bool:
    """Whether a probe is of these."""
    return probe.origin is Origin.COMMAND and len(probe.argv) == 4 and probe.argv[2] == _RUN


def whole(asked: Iterable[Probe]) -> tuple[str, ...]:
    """The names of those that stand for all tests of a target: those are called NAME.TEST."""
    return tuple(probe.name for probe in asked if is_one(probe) and ":" not in probe.argv[3])


def for_kernel(asked: tuple[Probe, ...], installed: Callable[[str], str]) -> tuple[Probe, ...]:
    """The same for a state whose tree has installed these files: a probe for each test of a target, in its order.

    A test may have what its target's settings say, where they say something. A target of which nothing is installed
    stays one probe, which fails and tells so.
    """
    if not any(map(is_one, asked)):
        return asked
    taken = {probe.name for probe in asked}
    found: dict[str, Probe] = {}
    for probe in asked:
        tests = _tests(probe, installed(LIST)) if whole([probe]) else ()
        every = (*tests[:_MOST], *(() if 0 < len(tests) <= _MOST else (probe,)))
        found |= {one.name: _timed(one, installed) for one in every if one is probe or one.name not in taken}
    return tuple(found.values())


def not_listed(wanted: Iterable[Target], listed: str) -> tuple[Target, ...]:
    """Those of which a list has no test: of these the runner would say on each kernel that there is no such test."""
    words = listed.splitlines()
    return tuple(one for one in wanted if not any(word == one.word or _is_of(word, one) for word in words))


def _is_of(word: str, one: Target) -> bool:
    return one.test is None and word.startswith(f"{one.target}:")


def _tests(probe: Probe, listed: str) -> tuple[Probe, ...]:
    tests = (test for test in map(_TEST.fullmatch, listed.splitlines()) if test is not None)
    ours = dict.fromkeys(test["test"] for test in tests if test["target"] == probe.argv[3])
    known = (Target(probe.argv[3], test) for test in ours)
    return tuple(replace(_probe(one), seconds=probe.seconds) for one in known if len(one.name) <= MOST_NAME)


def _timed(probe: Probe, installed: Callable[[str], str]) -> Probe:
    if not is_one(probe) or probe.seconds is not None:
        return probe
    target = probe.argv[3].partition(":")[0]
    said = _TIMEOUT.findall(installed(f"{target}/settings"))
    seconds = int(said[-1]) if said else _SETTINGS_SECONDS
    # 0 is no limit of the runner's: then it has what every probe has.
    return replace(probe, seconds=min(seconds + _SLACK, MOST_SECONDS) if seconds else None)
