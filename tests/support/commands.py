# SPDX-License-Identifier: GPL-2.0-only
"""Commands as a user types them: ./kseries in a clone, and git."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[2]
SPLIT = TOP / "testcases" / "exit-on-missing-split"
SECONDS = 2900
Kseries = Callable[..., "subprocess.CompletedProcess[str]"]


def typed(folder: Path, *words: str | Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run ./kseries from a directory."""
    return subprocess.run(
        [TOP / "kseries", *words],
        cwd=folder,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def runs_to(kseries: Kseries, out: Path) -> list[dict[str, Any]]:
    """The runs whose result went to a directory, newest first, as ``kseries runs`` lists them."""
    listed = json.loads(kseries("runs", "--json").stdout)["runs"]
    return [run for run in listed if run["out"] == str(out)]


def git(*words: str | Path) -> str:
    who = {f"GIT_{who}_{what}": "tester" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(["git", *words], env={**os.environ, **who}, capture_output=True, text=True, check=True)
    return done.stdout.strip()
