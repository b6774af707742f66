# SPDX-License-Identifier: GPL-2.0-only
"""What every pytest loads that finds kseries installed: options and markers, which do nothing without a series."""

import pytest

_OPTIONS = (
    ("--kseries-target", "TARGET", "have tests drive booted states of this series: TARGET as kseries run has it"),
    ("--kseries-state", "STATE,..", "which: base, prefix-K, without-K, .., or all those of a plan (default: the tip)"),
    ("--kseries-tree", "T", "the kernel that it is made for, as --tree"),
    ("--kseries-arch", "ARCH", "the architecture, as --arch"),
    ("--kseries-userland", "U", "programs for the guest, as --userland"),
    ("--kseries-args", "WORDS", "more words for kseries, as in '--memory 1G --probe capabilities'"),
)
MARKERS = (
    "fresh_boot: the test begins on a machine that no other test has had",
    "timeout(seconds): how long the test may take, as setup and as teardown, too",
    "needs_userland: the test is skipped where there is no --userland",
    "arch(name, ..): the test is skipped on any other architecture",
)
"""Known without a series, too: a file that has them is then collected under --strict-markers."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("kseries", "states of a kernel patch series")
    for option, metavar, told in _OPTIONS:
        group.addoption(option, metavar=metavar, default=None, help=told)


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if config.getoption("kseries_target") is not None:
        try:
            from kseries.hosttest import lent
        except ImportError as error:
            raise pytest.UsageError(f"--kseries-target: {error}\n  pip install 'kseries[pytest]'") from error
        config.pluginmanager.register(lent)
        config.pluginmanager.register(lent.Lent(config))
        return
    for option, _, _ in _OPTIONS[1:]:
        if config.getoption(option) is not None:
            raise pytest.UsageError(f"{option}: of no series\n  add --kseries-target TARGET")
