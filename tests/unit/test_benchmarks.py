# SPDX-License-Identifier: GPL-2.0-only
"""The benchmarks start as their first lines say, with nothing but the virtual environment of a clone."""

import pkgutil
import subprocess
import sys

import benchmarks

from kseries.host import paths


def test_each_finds_kseries_without_being_told_where_it_is() -> None:
    """``-m`` brings the clone and no more, as ``-c`` does here."""
    names = [one.name for one in pkgutil.walk_packages(benchmarks.__path__, "benchmarks.")]
    assert len(names) > 20
    argv = [sys.executable, "-c", f"import {', '.join(names)}"]
    done = subprocess.run(argv, cwd=paths.project(), env={}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
