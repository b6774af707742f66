# SPDX-License-Identifier: GPL-2.0-only
"""What holds for all unit tests, and the fixtures that several of them have."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.bisections import Laid
from tests.support.kbuild import Kernel

# A machine that builds kernels at the same time is slow now and then, which is no defect of what is tested.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One ccache for all tests of a module, so that the guests are compiled once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def kernel(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """The tiny kernel, built in a cache of the tests' own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return Kernel(tmp_path)


@pytest.fixture
def lay(kernel: Kernel, tmp_path: Path) -> Callable[..., Laid]:
    """Lay eight patches of the tiny kernel out to be bisected."""
    return lambda **how: Laid(kernel, tmp_path, **how)
