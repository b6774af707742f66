# SPDX-License-Identifier: GPL-2.0-only
"""--selftest-from tip, of scripts and whole targets: they are installed once, from the tip's tree, for all guests.

What is installed is known by a digest of its bytes, so that results and jobs need no more of a tip than these, and no
state's build reads any of it.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from kseries.evaluate.setup import Setup
from kseries.host import checksummed, checksums, signals
from kseries.kbuild import keptselftests
from kseries.kbuild.keptselftests import KeptSelftests
from kseries.kbuild.testbuild import Workbench
from kseries.model import Record, events
from kseries.model.errors import InputError
from kseries.probes import runner
from kseries.probes.runner import LIST

UNKNOWN = KeptSelftests("", Path())
"""What was never installed: no result is of it."""
_FORM = "1"
"""How they are installed (kbuild/testbuild.py): another way leaves other files."""


class _Note(Record, frozen=True):
    digest: str
    errors: tuple[str, ...]
    """The first, where not all was built."""


def known(setup: Setup, tip: str, home: Path) -> KeptSelftests | None:
    """What was installed of the same before; None where it is not there."""
    note = _noted(setup, tip, home)
    try:
        return keptselftests.kept(note.digest, home) if note is not None else None
    except InputError:  # kseries gc has removed it
        return None


def installed(setup: Setup, tip: str, home: Path, bench: Workbench, tell: events.Listener) -> KeptSelftests:
    """What the tip installs, made unless it is there. Raises InputError for a test that it does not install."""
    found = known(setup, tip, home) or _made(setup, tip, home, bench, tell)
    note = _noted(setup, tip, home)
    errors = note.errors if note is not None else ()
    listed = found.text(LIST)
    if missing := runner.not_listed(setup.targets, listed):
        why = () if listed else errors
        said = "".join(f"\n  {one}" for one in why or ("is it in the Makefile's TEST_PROGS?",))
        raise InputError(f"--selftest-from tip: the tip's tree installs no test {missing[0].word}{said}")
    if errors:
        tell(events.Preparing(f"of the tip's tests not all is built: {errors[0]}; see {found.log}"))
    return found


def _made(setup: Setup, tip: str, home: Path, bench: Workbench, tell: events.Listener) -> KeptSelftests:
    tell(events.Preparing("installing the tip's tests"))
    found, errors = signals.run(bench.installed(tip, setup.targets, home, tell))
    checksummed.write(_place(setup, tip, home), msgspec.json.encode(_Note(digest=found.digest, errors=errors)))
    return found


def _noted(setup: Setup, tip: str, home: Path) -> _Note | None:
    data = checksummed.read(_place(setup, tip, home))
    return msgspec.json.decode(data, type=_Note) if data is not None else None


def _place(setup: Setup, tip: str, home: Path) -> Path:
    """Where it is noted what was installed: by all that it is made of. The scripts of a target come with it."""
    return home / f"{checksums.of_words((_FORM, *_made_of(setup, tip)))}.installed"


def _made_of(setup: Setup, tip: str) -> Iterable[str]:
    sysroot = setup.sysroot.digest if setup.sysroot is not None else ""
    names = dict.fromkeys(one.target for one in setup.targets)
    return (tip, setup.arch.name, setup.config.hash, setup.toolchain, str(setup.unboxed), sysroot, *names)
