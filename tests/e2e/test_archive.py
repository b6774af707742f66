# SPDX-License-Identifier: GPL-2.0-only
"""Debian's archive itself, over a network: the kernels that kseries is for are found in it, whatever this host runs."""

import re
from pathlib import Path

import pytest

from kseries.model.errors import UnavailableError
from kseries.sources import archive
from kseries.sources.archive import Archive
from tests.support import bases
from tests.support.commands import Kseries

pytestmark = [
    pytest.mark.full("series"),
    pytest.mark.skipif(archive.missing() is not None, reason=str(archive.missing())),
]


def test_every_supported_release_is_in_a_suite_of_debians(tmp_path: Path) -> None:
    try:
        found = Archive(tmp_path).read(print)
    except UnavailableError as error:
        pytest.skip(str(error))
    releases = {offer.release for offer in found.offers}
    assert {"6.1", "6.12"} <= releases, found.lacking
    assert max(tuple(map(int, release.split("."))) for release in releases) >= (7, 2)


@pytest.mark.parametrize("release", ["6.1", "6.12", "7.3"])
def test_a_release_is_imported_and_then_at_hand(release: str, kseries: Kseries) -> None:
    base = bases.debian(release)
    assert re.fullmatch(rf"{re.escape(release)}\.\d+", base.version)
    assert base.name.removeprefix("debian:") in kseries("doctor", "--json").stdout
    assert bases.debian(release) == base
