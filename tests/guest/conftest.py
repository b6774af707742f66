# SPDX-License-Identifier: GPL-2.0-only
"""A laboratory for each architecture, for all tests that boot."""

import pytest

from tests.support.lab import Lab, Labs


@pytest.fixture(scope="session")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Labs:
    """The laboratory of an architecture and a test case, by their names."""
    return Labs(tmp_path_factory)


@pytest.fixture(scope="session")
def lab(labs: Labs) -> Lab:
    """The one of x86-64, for what is the same everywhere."""
    return labs("x86_64")
