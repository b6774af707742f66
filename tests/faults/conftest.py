# SPDX-License-Identifier: GPL-2.0-only
"""A place that runs are disturbed in, whose base is known."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.site import Holds, Site


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The place of a module's tests, after a first run that has found nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        site = Site(tmp_path_factory.mktemp("site"))
        first = site.run(site.series())
        assert [outcome for outcome, _ in first["states"].values()] == ["ok", "ok"], first
        yield site


@pytest.fixture
def site(place: Site) -> Iterator[Site]:
    """The module's place, in which nothing is at work after the test."""
    yield place
    place.end()


@pytest.fixture
def holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Holds]:
    """Programs that can be held, and go on after the test."""
    made = Holds(tmp_path, monkeypatch)
    yield made
    made.release()
