# SPDX-License-Identifier: GPL-2.0-only
"""A repository of tiny kernels that somebody is to blame for, and what kseries bisect says as to that."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.support import tiny, tinyseries
from tests.support.commands import typed
from tests.support.gitrepo import Repository

GOOD, BAD = "@    ok 1 a", "@    not ok 1 a"
"""How the check passes and fails in main.S."""
_CHECK = ("--probe", "capabilities", "--check", "capabilities.a")


class Linux:
    """What a commit changes in main.S decides what its boots say; ``lib.S`` changes nothing of that."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.repository = Repository(place / "linux")
        self.main = tiny.kernel("one", log="a tiny kernel\n")["main.S"]
        self.lib = tiny.LIB
        self.commit("base")
        self.repository.git("tag", "base")

    def commit(self, subject: str, main: str | None = None, lib: str | None = None) -> str:
        """A commit, with what main.S and lib.S hold from then on."""
        self.write(main, lib)
        return self.repository.commit(subject)

    def write(self, main: str | None = None, lib: str | None = None) -> None:
        """Have the files of the next commit."""
        self.main, self.lib = main or self.main, lib or self.lib
        sources = {"Makefile": tinyseries.noted(tiny.MAKEFILE), "main.S": self.main, "lib.S": self.lib}
        for name, text in {**sources, "Kconfig": "", "arch/x86/kvm/Kconfig": ""}.items():
            (self.repository.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.repository.path / name).write_text(text)

    def kseries(self, *words: str, cache: str = "cache") -> "subprocess.CompletedProcess[str]":
        return typed(self.place, *words, "--tree", "linux", *_CHECK, XDG_CACHE_HOME=str(self.place / cache))

    def proof(self, *words: str, cache: str = "cache") -> tuple[dict[str, Any], str]:
        """What bisect says as JSON of a proof, and as text: the second time all is known."""
        told = self.kseries("bisect", "base..main", *words, "--json", cache=cache)
        assert told.returncode == 1, told.stdout + told.stderr
        text = self.kseries("bisect", "base..main", *words, cache=cache)
        assert "building" not in text.stderr and "booting" not in text.stderr
        found: dict[str, Any] = json.loads(told.stdout)["proof"]
        return found, text.stdout
