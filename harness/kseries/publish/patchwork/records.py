# SPDX-License-Identifier: GPL-2.0-only
"""What of a Patchwork's answers is looked at; the rest of them is passed over."""

from enum import StrEnum

from kseries.model import Record


class State(StrEnum):
    """Those of a check (patchwork/models.py)."""

    PENDING = "pending"
    SUCCESS = "success"
    WARNING = "warning"
    FAIL = "fail"


class Project(Record, frozen=True):
    """A list, by the name that it has in URLs."""

    link_name: str


class Patch(Record, frozen=True):
    """A patch of a project; one mail may have made one in each of several."""

    id: int
    msgid: str
    project: Project


class User(Record, frozen=True):
    """Who has posted a check."""

    id: int


class Posted(Record, frozen=True):
    """A check that the server has."""

    id: int
    context: str
    state: str
    description: str | None = None
    user: User | None = None
