# SPDX-License-Identifier: GPL-2.0-only
"""A Patchwork as its REST API has it: patches by their mails, and the checks of a patch.

Of version 1.2 of the API, which has all of this and which servers since Patchwork 2.2 speak, those of 1.3 included
(patchwork/api/, docs/api/). Anybody may read; who writes checks is the patch's submitter, delegate, or a maintainer.
"""

import re
import urllib.parse

from kseries.publish import address, tokens
from kseries.publish.client import Client
from kseries.publish.patchwork.records import Patch, Posted
from kseries.publish.patience import Patience

VARIABLES = ("KSERIES_PATCHWORK_TOKEN",)
_VERSION = "1.2"
_PAGE = 100
_PAGES = 50
"""More checks than any patch has."""
_PLACE = re.compile(r"(?P<top>.*?)(/api(/[0-9.]+)?)?(/project/(?P<project>[A-Za-z0-9._-]+)(/.*)?)?")


class Server:
    """A Patchwork, and perhaps the one project of it that is meant. What reads asks again, with patience."""

    def __init__(self, url: str, patience: Patience) -> None:
        self._address = address.read(url, "patchwork")
        found = _PLACE.fullmatch(self._address.path)
        assert found is not None, "all of it is optional"
        self.project: str | None = found["project"]
        self._api = f"{self._address.origin}{found['top']}/api/{_VERSION}"
        token = tokens.get(self._address, VARIABLES)
        self.token = token.digest
        headers = {"Authorization": token.header("Token")}
        self._client = Client(self._address, headers, patience, "a Patchwork")

    @property
    def host(self) -> str:
        return self._address.host

    @property
    def place(self) -> str:
        """By which it is told from others."""
        return self._api

    def patches(self, message_id: str) -> tuple[Patch, ...]:
        """What it has made of a mail. An old server takes no notice of what it is asked for, and shows any patches."""
        asked = {"msgid": message_id.strip("<>"), **({"project": self.project} if self.project else {})}
        pages = self._client.pages(f"{self._api}/patches/?{urllib.parse.urlencode(asked)}", tuple[Patch, ...], 1)
        return tuple(one for page in pages for one in page if one.msgid.strip("<>") == message_id.strip("<>"))

    def checks(self, patch: int) -> tuple[Posted, ...]:
        """All checks that a patch has, whoever posted them."""
        url = f"{self._api}/patches/{patch}/checks/?per_page={_PAGE}"
        return tuple(one for page in self._client.pages(url, tuple[Posted, ...], _PAGES) for one in page)

    def post(self, patch: int, check: dict[str, str]) -> Posted:
        """Have a patch have one more check. Raises FailedError, and does not try again."""
        answer: Posted = self._client.send("POST", f"{self._api}/patches/{patch}/checks/", check, Posted)
        return answer
