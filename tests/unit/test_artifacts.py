# SPDX-License-Identifier: GPL-2.0-only
"""What is taken out of a build folder that a series may have written to."""

from pathlib import Path

import pytest

from kseries.guest import qemu
from kseries.kbuild import artifacts
from kseries.model import Machine


@pytest.mark.parametrize(
    ("size", "whole"), [(qemu.limits(Machine()).file, True), (qemu.limits(Machine()).file + 1, False)]
)
def test_a_file_of_holes_is_not_read_for_ever(tmp_path: Path, size: int, whole: bool) -> None:
    with (tmp_path / "ccache.log").open("wb") as file:
        file.truncate(size)
    if whole:
        assert len(artifacts.read(tmp_path, "ccache.log")) == size
        return
    with pytest.raises(artifacts.NotRegularError, match=r"ccache\.log has more than 256 MiB"):
        artifacts.read(tmp_path, "ccache.log")
    assert artifacts.text(tmp_path, "ccache.log") == ""
