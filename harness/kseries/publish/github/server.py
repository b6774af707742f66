# SPDX-License-Identifier: GPL-2.0-only
"""The check runs of one commit of a repository on GitHub, or on a GitHub of one's own (GITHUB_API_URL)."""

import os
import re
import urllib.parse
from typing import Any

from kseries.model.errors import InputError
from kseries.publish import address, tokens
from kseries.publish.client import Client
from kseries.publish.github.records import Annotation, CheckRun, CheckRuns
from kseries.publish.patience import Patience
from kseries.publish.words import quoted

VARIABLES = ("KSERIES_GITHUB_TOKEN", "GITHUB_TOKEN")
API = "https://api.github.com"
_VERSION = "2022-11-28"
_PAGE = 100
_PAGES = 20
_COMMIT = re.compile(r"([A-Za-z0-9-]{1,100})/(?!\.{1,2}@)([A-Za-z0-9_.-]{1,100})@([0-9a-f]{40}|[0-9a-f]{64})")


class Server:
    """GitHub, and the commit that is meant. What reads asks again, with patience."""

    def __init__(self, to: str | None, patience: Patience) -> None:
        commit = to or f"{os.environ.get('GITHUB_REPOSITORY', '')}@{os.environ.get('GITHUB_SHA', '')}"
        found = _COMMIT.fullmatch(commit)
        if found is None:
            what = f"github={quoted(commit)} is no commit" if to else "which commit on GitHub?"
            raise InputError(f"{what}\n  github=OWNER/REPO@COMMIT names one, by its whole id")
        self._address = address.read(os.environ.get("GITHUB_API_URL") or API, "GITHUB_API_URL")
        self._repository = f"{self._address.origin}{self._address.path}/repos/{found[1]}/{found[2]}"
        self.commit = found[3]
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": tokens.get(self._address, VARIABLES).header("Bearer"),
            "X-GitHub-Api-Version": _VERSION,
        }
        self._client = Client(self._address, headers, patience, "GitHub")

    @property
    def host(self) -> str:
        return self._address.host

    @property
    def place(self) -> str:
        """By which it is told from others."""
        return f"{self._repository}@{self.commit}"

    def check_runs(self, name: str) -> tuple[CheckRun, ...]:
        """All that the commit has of a name, older ones included."""
        asked = urllib.parse.urlencode({"check_name": name, "filter": "all", "per_page": _PAGE})
        url = f"{self._repository}/commits/{self.commit}/check-runs?{asked}"
        return tuple(one for page in self._client.pages(url, CheckRuns, _PAGES) for one in page.check_runs)

    def annotations(self, check_run: int) -> tuple[Annotation, ...]:
        """All that a check run has."""
        url = f"{self._repository}/check-runs/{check_run}/annotations?per_page={_PAGE}"
        return tuple(one for page in self._client.pages(url, tuple[Annotation, ...], _PAGES) for one in page)

    def create(self, document: dict[str, Any]) -> CheckRun:
        """Have the commit have one more check run. Raises FailedError, and does not try again."""
        made: CheckRun = self._client.send("POST", f"{self._repository}/check-runs", document, CheckRun)
        return made

    def update(self, check_run: int, document: dict[str, Any]) -> None:
        """Change one. Annotations are added to those that it has. Raises FailedError, and does not try again."""
        self._client.send("PATCH", f"{self._repository}/check-runs/{check_run}", document, CheckRun)
