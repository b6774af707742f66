# SPDX-License-Identifier: GPL-2.0-only
"""The reporters of our own. pyproject.toml declares each as an entry point, as somebody else's package does its own."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.model.errors import InputError
from kseries.report import gitlab, html, json, junit, mail, places, sarif, text
from kseries.report.reporter import Document, FinishedRun


@dataclass(frozen=True)
class Letters:
    """A mail for each finding: as an mbox on standard output, in a folder as files, which git send-email takes."""

    file: str = "mails/"

    def check(self, to: str | None) -> None:
        if to is not None and not Path(to).is_dir():
            places.check(Path(to))

    def report(self, run: FinishedRun, to: str | None) -> None:
        if to is None:
            _MBOX.report(run, None)
            return
        place = Path(to)
        if place.parent == run.directory:
            _remove_letters(place)
        _write_letters(place, mail.letters(run.result))


def _remove_letters(place: Path) -> None:
    """Those of an earlier run would be sent with ours. Raises OSError."""
    for letter in place.glob("[0-9][0-9][0-9][0-9]-*.mail"):
        letter.unlink()


def _write_letters(place: Path, letters: Sequence[tuple[str, str]]) -> None:
    """The only letter may have a name of its own."""
    if not letters:
        print("kseries: no finding to write a mail about", file=sys.stderr)
    elif place.is_dir():
        for name, letter in letters:
            places.write(place / name, letter.encode())
    elif len(letters) == 1:
        places.write(place, letters[0][1].encode())
    else:
        raise InputError(
            f"{len(letters)} findings, and a mail for each: {place} is no directory\n"
            "  name one that is there: mkdir mails"
        )


_MBOX = Document(lambda run: mail.render(run.result), "")

TEXT = Document(lambda run: text.render(run.result), "report.txt", utf8=False)
HTML = Document(lambda run: html.render(run.result, run.directory), "report.html")
JUNIT = Document(lambda run: junit.render(run.result, run.directory), "junit.xml")
JSON = Document(lambda run: json.render(run.result), "result.json")
MAIL = Letters()
SARIF = Document(lambda run: sarif.render(run.result), "kseries.sarif")
GITLAB = Document(lambda run: gitlab.render(run.result), "gl-code-quality.json")
