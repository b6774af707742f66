# SPDX-License-Identifier: GPL-2.0-only
"""The check runs of a repository, taken as GitHub takes them (docs.github.com, "REST API endpoints for check runs")."""

import re
from typing import Any

from tests.support.fakeserver import Fake, Reply, Request, paged

TOKEN = "ghs_0123456789abcdefghij"
COMMIT = "1" * 40
REPOSITORY = "torvalds/linux"
_ENDS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out")
_AT = f"/repos/{REPOSITORY}"


class FakeGitHub(Fake):
    """``check_runs`` are those of COMMIT, ``annotations`` those of each by its id. ``wrongs`` nobody wants."""

    def __init__(self) -> None:
        super().__init__()
        self.check_runs: list[dict[str, Any]] = []
        self.annotations: dict[int, list[dict[str, Any]]] = {}
        self.wrongs: list[str] = []
        self.app = True

    @property
    def shown(self) -> dict[str, Any]:
        """What a reader sees of a commit with one name of check runs: the newest."""
        return self.check_runs[-1]

    def reply(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(401, {"message": "Bad credentials"})
        if request.headers.get("accept") != "application/vnd.github+json":
            return Reply(415, {"message": "Must accept application/vnd.github+json"})
        asked = (request.method, request.path)
        if asked == ("GET", f"{_AT}/commits/{COMMIT}/check-runs"):
            return self._list(request)
        if (found := re.fullmatch(rf"{_AT}/check-runs/(\d+)(/annotations)?", request.path)) is not None:
            known = next((one for one in self.check_runs if one["id"] == int(found[1])), None)
            if known is None:
                return Reply(404, {"message": "Not Found"})
            if found[2]:
                page, link = paged(request, self.annotations[known["id"]], self.url, 30, 100)
                return Reply(200, page, link)
            return self._change(known, request.document)
        if asked == ("POST", f"{_AT}/check-runs"):
            return self._create(request.document)
        return Reply(404, {"message": "Not Found"})

    def _list(self, request: Request) -> Reply:
        assert request.query["filter"] == "all", "older ones count, too"
        found = [one for one in self.check_runs if one["name"] == request.query["check_name"]]
        page, link = paged(request, found[::-1], self.url, 30, 100)
        return Reply(200, {"total_count": len(found), "check_runs": page}, link)

    def _create(self, given: dict[str, Any]) -> Reply:
        if not self.app:
            return Reply(403, {"message": "You must authenticate via a GitHub App."})
        if not given.get("name") or given.get("head_sha") != COMMIT:
            return Reply(422, {"message": f"No commit found for SHA: {given.get('head_sha')}"})
        made = {
            "id": len(self.check_runs) + 1,
            "status": "queued",
            "conclusion": None,
            "external_id": None,
            "output": {},
        }
        if (reply := self._change(made, given, 201)).status == 201:
            self.check_runs.append(made)
        return reply

    def _change(self, known: dict[str, Any], given: dict[str, Any], status: int = 200) -> Reply:
        if (wrong := _wrong(given)) is not None:
            return Reply(422, {"message": wrong})
        if known["status"] == "completed" and given.get("status") == "in_progress":
            self.wrongs.append("one that was completed is in progress again")
        output = given.get("output", {})
        added = output.pop("annotations", [])
        there = self.annotations.setdefault(known["id"], [])
        if any(one in there for one in added):
            self.wrongs.append("an annotation is there twice")
        there.extend(added)
        known |= given
        return Reply(status, {**known, "output": {**known["output"], "annotations_count": len(there)}})


def _wrong(given: dict[str, Any]) -> str | None:
    if (given.get("status") == "completed") != ("conclusion" in given) or given.get(
        "conclusion", "success"
    ) not in _ENDS:
        return "conclusion does not go with status"
    output = given.get("output", {})
    if len(output.get("annotations", [])) > 50:
        return "annotations: no more than 50"
    if not output.get("title") or len(output.get("summary", "").encode()) > 65535:
        return "output: no title, or a summary too long"
    for one in output.get("annotations", []):
        if (
            one["start_line"] < 1
            or one["path"].startswith("/")
            or one["annotation_level"]
            not in (
                "notice",
                "warning",
                "failure",
            )
        ):
            return "annotations: invalid"
    return None
