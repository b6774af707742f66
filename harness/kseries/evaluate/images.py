# SPDX-License-Identifier: GPL-2.0-only
"""A kernel and an initramfs are booted once, however many states are built into the same bytes."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from kseries.host import checksums
from kseries.model import Observation, Outcome
from kseries.model.errors import InfraError

Boot = Callable[[], Awaitable[Observation]]
Enough = Callable[[Observation], bool]


def digest(*files: Path) -> str:
    """The name of an image: all its bytes."""
    return checksums.of_words(map(checksums.of_file, files))


def whatever(_: Observation) -> bool:
    """Whatever an image did is enough."""
    return True


class Images:
    """The images that were booted since this was made."""

    def __init__(self) -> None:
        self._results: dict[str, asyncio.Future[Observation]] = {}

    async def result(
        self, image: str, boot: Boot, *, afresh: bool = False, enough: Enough = whatever
    ) -> tuple[Observation, bool]:
        """What an image did, and whether this call has booted it; waits for a boot of it that is under way.

        A boot that failed for this host's sake says nothing of the image: who comes later boots it again. So does one
        to whom what is known is not ``enough``. ``afresh``: boot it, for others too, whatever is known. Raises what
        ``boot`` does, to who has called with it alone.
        """
        while not afresh and (known := self._results.get(image)) is not None:
            seen = await _of_image(known)
            if seen is not None and enough(seen):
                return seen, False
            if self._results.get(image) is known:  # else another who waited boots it by now
                del self._results[image]
        booting = self._results[image] = asyncio.ensure_future(boot())
        return await booting, True


async def _of_image(boot: "asyncio.Future[Observation]") -> Observation | None:
    """What another's boot has seen; None where this host is why that is nothing."""
    try:
        seen = await asyncio.shield(boot)
    except InfraError:
        return None
    return seen if seen.outcome is not Outcome.INFRA_ERROR else None
