# SPDX-License-Identifier: GPL-2.0-only
"""One laboratory for all tests that boot."""

import pytest

from tests.guest.lab import Lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))
