# SPDX-License-Identifier: GPL-2.0-only
"""The laboratories, for the run that is too long for tests/guest."""

import pytest

from tests.support.lab import Labs


@pytest.fixture(scope="session")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Labs:
    """The laboratory of an architecture and a test case, by their names."""
    return Labs(tmp_path_factory)
