# SPDX-License-Identifier: GPL-2.0-only
"""What holds for all tests: Ctrl-C and SIGTERM reach them, and which of them are a part of ``./kseries test --full``.

A test marked ``full("PART")`` runs in that part alone. ``--part PART`` chooses a part, ``--part short`` what is in none
of them; without it, whatever is named runs.
"""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from kseries.cli.test import PARTS
from tests.support.passed import Passed

# A shell has what it starts in the background ignore Ctrl-C, and so would all that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
# What ends by SIGTERM leaves all that the tests have started.
signal.signal(signal.SIGTERM, signal.default_int_handler)

SHORT = "short"
_TOP = Path(__file__).resolve().parents[1]
_BEFORE = pytest.StashKey[frozenset[str]]()
_TOLD = "passed_before"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", choices=[SHORT, *PARTS], help="the tests of one part of --full, or those of none")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_BEFORE] = frozenset()
    part = config.getoption("part")
    if hasattr(config, "workerinput"):  # of pytest-xdist: what is left out is for its controller to say
        config.stash[_BEFORE] = frozenset(config.workerinput[_TOLD])
    elif part in PARTS and not config.getoption("collectonly"):
        passed = Passed(_TOP / ".tox" / "passed" / part, _TOP)
        passed.begin()
        config.stash[_BEFORE] = passed.before
        config.pluginmanager.register(passed)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist what it may leave out."""
    node.workerinput[_TOLD] = sorted(node.config.stash[_BEFORE])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many workers ``-n auto`` is: half of their time, these tests wait for what they have started."""
    return 2 * len(os.sched_getaffinity(0))


def part_of(item: pytest.Item) -> str:
    """The part that a test is marked for: the mark of the test itself goes before its module's."""
    mark = item.get_closest_marker("full")
    return str(mark.args[0]) if mark is not None else SHORT


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    part = config.getoption("part")
    if part is None:
        return
    wanted = [item for item in items if part_of(item) == part and item.nodeid not in config.stash[_BEFORE]]
    config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
    items[:] = wanted


def pytest_report_header(config: pytest.Config) -> str | None:
    before = len(config.stash[_BEFORE])
    return f"on these very files {before} tests of this part passed earlier: they are left out" if before else None


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """That all have passed earlier is well; that none was found is not."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and session.config.stash[_BEFORE]:
        session.exitstatus = pytest.ExitCode.OK
