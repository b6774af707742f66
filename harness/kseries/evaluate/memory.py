# SPDX-License-Identifier: GPL-2.0-only
"""What is known of a job from before, and what is to be known of it afterwards: the cache above all executors."""

from pathlib import Path

from msgspec.structs import replace

from kseries.cache.store import Store
from kseries.evaluate import observe
from kseries.evaluate.setup import Setup
from kseries.model import Job, Observation, Outcome


class Memory:
    """The observations of jobs of one setup, some of which are asked less, stored by what they depend on."""

    def __init__(self, setup: Setup, store: Store) -> None:
        self._setup = setup
        self._store = store

    def find(self, job: Job) -> Observation | None:
        """What was seen of a job, as it asks to see it; None where its kernel has to be booted once more for that."""
        seen = self._store.find(self.name(job))
        return seen if seen is not None and observe.suffices(seen, job.baseline) else None

    def keep(self, job: Job, seen: Observation, logs: Path) -> Observation:
        """Store what was seen of a job, with the logs in a folder: as it asked, and as who asks for less finds it.

        Returns it with its logs. Where the host is why nothing was seen, nothing is stored; nor is a base that was not
        built: the same tree is more than that to who asks for no option and no probe that must be there.
        """
        if seen.outcome is Outcome.INFRA_ERROR or (job.is_base and seen.outcome is Outcome.BUILD_FAILED):
            return seen
        *more, plain = self._keys(job)
        for name in more:
            self._store.put(name, seen, logs)
        stored = self._store.put(plain, replace(seen, coverage=None), logs)
        return replace(seen, logs=stored.logs)

    def keep_same(self, job: Job, seen: Observation) -> None:
        """Store what was seen of another tree, whose build is this one's, with that one's logs."""
        assert seen.built_as is not None
        self.keep(job, seen, self._store.place(self._key(job, seen.built_as)))

    def name(self, job: Job) -> str:
        """The one that what was seen of a job is stored by."""
        return self._keys(job)[0]

    def copy_logs(self, job: Job, into: Path) -> None:
        """Put the logs of a job that is stored into a folder."""
        self._store.copy_logs(self.name(job), into)

    def place(self, job: Job) -> Path:
        """The directory that has the logs of a job that is stored."""
        return self._store.place(self.name(job))

    def _keys(self, job: Job) -> tuple[str, ...]:
        """The names under which a job's observation is stored: that of its tree, and first one that is of more.

        That is what was traced in it; and of a trusted tree that nobody's patches were built beside it. A stranger's
        series may have the same tree in it.
        """
        plain = self._key(job, job.tree)
        if job.trusted:
            return (self._key(job, job.tree, "base"), plain)
        return (self._key(job, job.tree, "watched", job.base), plain) if job.traced else (plain,)

    def _key(self, job: Job, *what: str) -> str:
        return self._setup.under(job.conditions).key(*what)
