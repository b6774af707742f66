# SPDX-License-Identifier: GPL-2.0-only
"""A Patchwork that takes what a real one takes, and nothing else (patchwork/api/check.py, models.py, filters.py)."""

import re
from dataclasses import dataclass

from tests.support.fakeserver import Fake, Reply, Request, paged

TOKEN = "0123456789abcdef0123456789abcdef01234567"
USER = 7
STATES = ("pending", "success", "warning", "fail")
_API = r"/api/1\.[23]"
_URL = re.compile(r"(https?|ftps?)://([\w-]+\.)+[\w-]+(:\d+)?(/\S*)?|(https?|ftps?)://localhost(:\d+)?(/\S*)?")
"""As Django's URLValidator has it, more or less: a host with a dot, or this one."""


@dataclass(frozen=True)
class FakePatch:
    """A patch of a project."""

    id: int
    msgid: str
    project: str


@dataclass(frozen=True)
class FakeCheck:
    """A check that was posted, by one of the users."""

    id: int
    patch: int
    user: int
    state: str
    context: str
    description: str
    target_url: str


class FakePatchwork(Fake):
    """``checks`` are all that it has. ``wrongs`` are those that it takes, as a real one does, and nobody wants.
    ``user`` is whose the token is.
    """

    def __init__(self, *patches: FakePatch, maintained: tuple[str, ...] = ("kvm",)) -> None:
        super().__init__()
        self.patches = patches
        self.maintained = maintained
        self.checks: list[FakeCheck] = []
        self.wrongs: list[str] = []
        self.looks_by_message_id = True
        self.user = USER

    def post(self, patch: int, context: str, state: str, description: str = "", user: int = USER) -> None:
        """Have a check there, without a request."""
        self.checks.append(FakeCheck(len(self.checks) + 1, patch, user, state, context, description, ""))

    def told(self) -> list[tuple[int, str, str]]:
        """The patch, the context and the state of each check."""
        return [(one.patch, one.context, one.state) for one in self.checks]

    def reply(self, request: Request) -> Reply:
        known = request.headers.get("authorization")
        if known is not None and known != f"Token {TOKEN}":
            return Reply(401, {"detail": "Invalid token."})
        if not request.path.endswith("/"):
            return Reply(301, headers={"Location": f"{request.path}/"})
        if re.fullmatch(f"{_API}/patches/", request.path) and request.method == "GET":
            return self._list(request)
        if (found := re.fullmatch(rf"{_API}/patches/(\d+)/checks/", request.path)) is not None:
            patch = next((one for one in self.patches if one.id == int(found[1])), None)
            if patch is None:
                return Reply(404, {"detail": "Not found."})
            return self._checks(request, patch) if request.method == "GET" else self._create(request, patch)
        return Reply(404, {"detail": "Not found."})

    def _list(self, request: Request) -> Reply:
        found = list(self.patches)
        project = request.query.get("project")
        if project is not None:
            if project not in {one.project for one in self.patches} | {*self.maintained}:
                return Reply(400, {"project": [f"Select a valid choice. {project} is not one of the choices."]})
            found = [one for one in found if one.project == project]
        if (msgid := request.query.get("msgid")) is not None and self.looks_by_message_id:
            found = [one for one in found if one.msgid == f"<{msgid}>"]
        told = [
            {"id": one.id, "msgid": one.msgid, "name": "x", "project": {"id": 1, "link_name": one.project}}
            for one in found
        ]
        page, link = paged(request, told, self.url, 30, 250)
        return Reply(200, page, link)

    def _checks(self, request: Request, patch: FakePatch) -> Reply:
        told = [self._shown(one) for one in self.checks if one.patch == patch.id]
        page, link = paged(request, told, self.url, 30, 250)
        return Reply(200, page, link)

    def _create(self, request: Request, patch: FakePatch) -> Reply:
        if "authorization" not in request.headers:
            return Reply(401, {"detail": "Authentication credentials were not provided."})
        if patch.project not in self.maintained:
            return Reply(403, {"detail": "You do not have permission to perform this action."})
        if request.document is None:
            return Reply(415, {"detail": "Unsupported media type."})
        if (wrong := _wrong(request.document)) is not None:
            return Reply(400, wrong)
        self._note_wrongs(patch, request.document)
        given = request.document
        made = FakeCheck(
            id=len(self.checks) + 1,
            patch=patch.id,
            user=self.user,
            state=given["state"],
            context=given["context"],
            description=given.get("description", ""),
            target_url=given.get("target_url", ""),
        )
        self.checks.append(made)
        return Reply(201, self._shown(made))

    def _note_wrongs(self, patch: FakePatch, given: dict[str, str]) -> None:
        ours = [
            one for one in self.checks if (one.patch, one.user, one.context) == (patch.id, self.user, given["context"])
        ]
        if ours and ours[-1].state != "pending" and given["state"] == "pending":
            self.wrongs.append(f"{patch.id} {given['context']} was finished, and is pending again")
        if ours and (ours[-1].state, ours[-1].description) == (given["state"], given.get("description", "")):
            self.wrongs.append(f"{patch.id} {given['context']} is told the same twice")

    def _shown(self, one: FakeCheck) -> dict[str, object]:
        return {
            "id": one.id,
            "url": f"{self.url}/api/1.2/patches/{one.patch}/checks/{one.id}/",
            "user": {"id": one.user, "username": f"user{one.user}"},
            "date": "2026-01-01T00:00:00",
            "state": one.state,
            "target_url": one.target_url or None,
            "context": one.context,
            "description": one.description,
        }


def _wrong(given: dict[str, str]) -> dict[str, list[str]] | None:
    if given.get("state") not in STATES:
        return {"state": ["A check must have a state."]}
    if not re.fullmatch(r"[-a-zA-Z0-9_]{1,255}", given.get("context", "default")):
        return {"context": ["Enter a valid “slug” consisting of letters, numbers, underscores or hyphens."]}
    url = given.get("target_url")
    if url is not None and (len(url) > 200 or not _URL.fullmatch(url)):
        return {"target_url": ["Enter a valid URL."]}
    return None
