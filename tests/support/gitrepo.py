# SPDX-License-Identifier: GPL-2.0-only
"""A scratch repository, made with git itself: what our own trees are compared with."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_EDITOR": "true",
    **{f"GIT_{who}_NAME": "A U Thor" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "author@example.com" for who in ("AUTHOR", "COMMITTER")},
}


class Repository:
    """A repository with a work tree."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def run(self, *words: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            ["git", *words], cwd=self.path, env=ENVIRONMENT, input=stdin, capture_output=True, check=False
        )

    def git(self, *words: str, stdin: bytes = b"") -> str:
        """Run git; its output without the last newline."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, f"git {words}: {done.stderr.decode()}"
        return done.stdout.decode(errors="surrogateescape").removesuffix("\n")

    def commit(self, subject: str, files: Mapping[str, str | bytes | None] | None = None) -> str:
        """Write some files (None takes one away) and commit all that has changed; the commit's id."""
        for name, contents in (files or {}).items():
            place = self.path / name
            if contents is None:
                place.unlink()
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(contents.encode() if isinstance(contents, str) else contents)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def tree(self, revision: str = "HEAD") -> str:
        return self.git("rev-parse", f"{revision}^{{tree}}")


def lines(count: int = 20, **changed: str) -> str:
    """A file of numbered lines; ``line7="x"`` puts something else in the place of the seventh."""
    return "".join(changed.get(f"line{number}", f"line {number}") + "\n" for number in range(1, count + 1))
