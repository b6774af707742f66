# SPDX-License-Identifier: GPL-2.0-only
"""One state is one image wherever the cache is: the kernel's own Makefiles put paths into what they make."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from kseries.evaluate import images
from kseries.host import files, paths
from kseries.kbuild import Worker
from kseries.model import Build
from tests.support.lab import Lab

pytestmark = pytest.mark.full("identical")

UGLY = "ha#sh a:b $x,%"


def _base(worker: Worker, lab: Lab, into: Path) -> Build:
    async def built() -> Build:
        async with worker.locked(lambda _: None):
            return await worker.build(lab.base.tree, into, lambda _: None, trusted=True)

    done = asyncio.run(built())
    assert done.ok, done.errors
    return done


def test_base_under_another_cache_is_the_same_image_made_of_a_copied_ccache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(tmp_path, "x86_64")
    first = _base(lab.worker, lab, tmp_path / "first")
    compiled = paths.cache("ccache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / UGLY))
    shutil.copytree(compiled, paths.cache("ccache"))
    home = paths.cache("workers", "0")
    second = _base(Worker(home, lab.trees, lab.arch, lab.config, os.cpu_count() or 1), lab, tmp_path / "second")
    for name in ("kernel", "vmlinux", "initrd.cpio"):
        one, other = (images.digest(tmp_path / place / name) for place in ("first", "second"))
        assert one == other, name
    assert second.found == second.compiled > 500
    assert (second.warnings, second.linked, second.refused) == (first.warnings, first.linked, first.refused)
    files.remove(tmp_path / UGLY)  # 2 GiB, which pytest would keep three times
