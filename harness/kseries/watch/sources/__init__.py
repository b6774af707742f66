# SPDX-License-Identifier: GPL-2.0-only
"""The kinds of places where series are posted, and which of them a SOURCE names."""

from pathlib import Path

from kseries.inputs import maildir as inputs_maildir
from kseries.model.errors import InputError, in_words
from kseries.watch.sources.maildir import Maildir
from kseries.watch.sources.mboxes import Mboxes
from kseries.watch.sources.patchwork import PREFIX, Patchwork
from kseries.watch.sources.publicinbox import PublicInbox
from kseries.watch.sources.source import Batch, Source

__all__ = ["FORMS", "Batch", "Source", "of"]

FORMS = "a maildir, a directory of mboxes, a clone of a public-inbox, or patchwork=https://HOST/project/NAME"


def of(named: str) -> Source:
    """The source that a word names. Raises InputError where there is none."""
    if named.startswith(PREFIX):
        return Patchwork.of(named)
    path = Path(named)
    try:
        if not path.exists():
            raise InputError(f"no such SOURCE: {named}\n  it is {FORMS}")
        if path.is_file():
            return Mboxes(path)
        if inputs_maildir.is_one(path):
            return Maildir(path)
        if PublicInbox.is_one(path):
            return PublicInbox(path)
        found = Mboxes(path)
        if not any(found.files()):
            raise InputError(f"{named} holds no mailbox\n  SOURCE is {FORMS}")
        return found
    except OSError as error:
        raise InputError(f"cannot read {named}: {in_words(error)}") from error
