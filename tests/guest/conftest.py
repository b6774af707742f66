# SPDX-License-Identifier: GPL-2.0-only
"""A laboratory for each architecture, for all tests that boot."""

from collections.abc import Callable
from functools import cache

import pytest

from tests.support.lab import Lab

Labs = Callable[[str], Lab]


@pytest.fixture(scope="session")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Labs:
    """The laboratory of an architecture, by its name."""

    @cache
    def lab_of(arch: str) -> Lab:
        return Lab(tmp_path_factory.mktemp(f"lab-{arch}"), arch)

    return lab_of


@pytest.fixture(scope="session")
def lab(labs: Labs) -> Lab:
    """The one of x86-64, for what is the same everywhere."""
    return labs("x86_64")
