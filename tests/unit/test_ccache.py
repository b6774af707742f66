# SPDX-License-Identifier: GPL-2.0-only
"""What ccache's own log says of a build: written by ccache itself."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kseries.kbuild import ccache


@pytest.mark.skipif(shutil.which("ccache") is None, reason="no ccache here")
def test_a_second_compilation_is_found_and_a_trial_is_none(tmp_path: Path) -> None:
    source, log = tmp_path / "a.c", tmp_path / "log"
    env = os.environ | {"CCACHE_DIR": str(tmp_path / "cache"), "CCACHE_STATSLOG": str(log), "CCACHE_DEPEND": "1"}

    def compile_it(*more: str) -> tuple[int, int]:
        log.unlink(missing_ok=True)
        words = ["ccache", "gcc", "-MD", "-MF", "a.d", "-c", "-o", "a.o", *more]
        subprocess.run(words, env=env, check=True, cwd=tmp_path)
        return ccache.counts(log.read_text())

    source.write_text("int a;\n")
    os.utime(source, (1, 1))
    assert compile_it("a.c") == (1, 0)
    assert compile_it("a.c") == (1, 1)
    assert compile_it("-x", "c", "/dev/null") == (0, 0)


def test_without_a_log_nothing_was_compiled() -> None:
    assert ccache.counts("") == (0, 0)
