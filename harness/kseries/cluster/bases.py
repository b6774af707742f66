# SPDX-License-Identifier: GPL-2.0-only
"""Bases that a worker gets by itself, as a run on it would: nothing of them goes over the cluster then."""

from kseries.cluster import ownstore
from kseries.host import paths
from kseries.model import events
from kseries.model.errors import DiskFullError, InfraError, InputError
from kseries.sources import kernels


def import_base(tree: str, revision: str | None) -> str:
    """The id of the tree that this host has by the words of ``--tree`` and ``--base``, now in its own store.

    Empty where it has none by that name: no such path, another archive, no network. It need not be the same tree as
    elsewhere: who asks compares. Raises DiskFullError.
    """
    try:
        with ownstore.at_work() as store:
            return kernels.get(tree, revision, store, paths.cache(), events.unheard).tree
    except DiskFullError:  # there would be no room for what is sent either
        raise
    except (InputError, InfraError, OSError):
        return ""
