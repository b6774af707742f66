# SPDX-License-Identifier: GPL-2.0-only
"""The real b4 in a repository, with a home and a configuration of its own, and without a network.

As a program, ``python realb4.py patches|series MAIL...`` is the part of b4 review that runs check commands and reads
what they print; the rest is for terminals. It prints what b4 makes of that, as it stands in b4's database then.
"""

import email
import json
import os
import re
import shlex
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

from tests.support.commands import TOP
from tests.support.gitrepo import ENVIRONMENT

KSERIES = shlex.quote(str(TOP / "kseries"))
CHECKS = {
    "prep-perpatch-check-cmd": f"{KSERIES} b4-check",
    "am-perpatch-check-cmd": f"{KSERIES} b4-check",
    "review-perpatch-check-cmd": f"{KSERIES} b4-check --json",
    "review-series-check-cmd": f"{KSERIES} b4-check --series",
}
"""As docs/b4.md has them, but for where kseries is."""
_SECONDS = 300
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class B4:
    """b4 in a work tree; ``cache`` is that of kseries, too."""

    def __init__(self, linux: Path, home: Path, cache: Path) -> None:
        self._linux = linux
        home.mkdir()
        config = home / "gitconfig"
        self.environment = {
            **ENVIRONMENT,
            "HOME": str(home),
            "XDG_CACHE_HOME": str(cache),
            "XDG_DATA_HOME": str(home / "data"),
            "GIT_CONFIG_GLOBAL": str(config),
        }
        for name, value in {"user.name": "A U Thor", "user.email": "author@example.com"}.items():
            self._configure(config, name, value)
        for name, value in CHECKS.items():
            self._configure(config, f"b4.{name}", value)

    def _configure(self, config: Path, name: str, value: str) -> None:
        subprocess.run(["git", "config", "--file", config, name, value], env=self.environment, check=True)

    def __call__(self, *words: str) -> str:
        """What b4 says, in plain text."""
        return self._said(["-m", "b4.command", "--offline-mode", *words])

    def reviewed(self, what: str, *mails: str, tracking: Path | None = None) -> list[dict[str, str]]:
        """What b4 review keeps of the checks of some patches, or of a series by its cover letter."""
        more = {} if tracking is None else {"B4_TRACKING_FILE": str(tracking)}
        said = self._said([str(Path(__file__)), what, *mails], PYTHONPATH=str(TOP), **more)
        found: list[dict[str, str]] = json.loads(said)
        return found

    def _said(self, words: list[str], **more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-P" if more else "-I", *words],
            cwd=self._linux,
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done
        return _COLOURS.sub("", done.stdout + ("" if more else done.stderr))


def _review(what: str, mails: list[str]) -> None:
    import b4
    from b4.review import checks

    b4._setup_main_config()
    patch_commands, series_commands = checks.load_check_cmds()
    messages = [email.message_from_string(mail, policy=b4.emlpolicy, _class=EmailMessage) for mail in mails]
    named = [(str(message["Message-ID"]).strip("<>"), message) for message in messages]
    top = os.getcwd()
    if what == "series":
        found = {named[0][0]: checks.run_series_checks(named[0], series_commands, top)}
    else:
        found = checks.run_perpatch_checks(named, patch_commands, top)
    database = checks.get_db()
    for name, rows in found.items():
        checks.store_results(database, name, rows)
    kept = checks.get_cached_results(database, [*found])
    print(json.dumps([row for name in found for row in kept.get(name, [])]))


if __name__ == "__main__":
    _review(sys.argv[1], sys.argv[2:])
