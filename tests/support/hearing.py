# SPDX-License-Identifier: GPL-2.0-only
"""A listener that keeps the words of what is prepared."""

from kseries.model import events


class Heard(list[str]):
    """The words, in their order."""

    def __call__(self, event: events.Event) -> None:
        assert isinstance(event, events.Preparing)
        self.append(event.what)
