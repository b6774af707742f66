# SPDX-License-Identifier: GPL-2.0-only
"""The runs that there were, in a database in the cache: begun, how far they came, how they ended, where the result is.

It tells of runs and is needed by none: what is wrong with it is said once, and the run goes on. Each access is a short
transaction, so that several kseries can use it at once.
"""

import contextlib
import fcntl
import os
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from kseries.host import cachelock, checksums, untrusted
from kseries.host.database import Connection, Database, DatabaseError, SpoiltError
from kseries.model import RESULT, Base, Record, Verdict, events
from kseries.model.errors import InfraError, InputError, KseriesError
from kseries.model.sanitize import named

INTERRUPTED_STATUS = 130
"""The exit status after Ctrl-C or SIGTERM."""

_VERSION = 1
_TABLE = """CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL,
    pid INTEGER NOT NULL,
    began REAL NOT NULL,
    ended REAL,
    series TEXT NOT NULL,
    version INTEGER NOT NULL,
    base TEXT,
    arch TEXT NOT NULL,
    out TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    bisectable INTEGER,
    revert_safe INTEGER,
    exit_status INTEGER,
    digest TEXT
)"""

# Names and numbers are other people's: SQLite holds neither lone surrogates nor 2^63.
_FAULTS = (DatabaseError, OSError, UnicodeError, OverflowError)

Value = str | int | float | None
"""What a column holds."""


class Stage(StrEnum):
    """Where a run is."""

    AT_WORK = "at work"
    INTERRUPTED = "interrupted"
    """Its process is gone without an end, or was told to end (INTERRUPTED_STATUS)."""
    ENDED = "ended"


class Kept(StrEnum):
    """What has become of a run's result."""

    NONE = "none"
    """It never had one."""
    THERE = "there"
    GONE = "gone"
    REPLACED = "replaced"
    """Another run has written to that directory since."""


class Run(Record, frozen=True):
    """One run. ``states_done`` of ``states`` distinct trees have a result, those of squashed series included."""

    id: int
    stage: Stage
    pid: int
    began: datetime
    ended: datetime | None
    series: str
    version: int
    base: str | None
    """None where it did not come so far as to have one."""
    arch: str
    out: str
    result: Kept
    states_done: int
    states: int
    verdict: Verdict
    exit_status: int | None


class _Row(Record, frozen=True):
    """A row as it is stored; times are seconds since 1970."""

    id: int
    token: str
    pid: int
    began: float
    ended: float | None
    series: str
    version: int
    base: str | None
    arch: str
    out: str
    done: int
    total: int
    bisectable: int | None
    revert_safe: int | None
    exit_status: int | None
    digest: str | None


class Recording:
    """A listener that brings a run's row forward."""

    def __init__(self, write: Callable[[dict[str, Value]], None]) -> None:
        self._write = write
        self._done = 0
        self._total = 0
        self._known = 0

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.RunStarted(total=total, todo=todo):
                self._total += total
                self._known = total - todo
                self._done += self._known
            case events.StateDone(known=True) if self._known:
                self._known -= 1  # counted above, all at once: there may be thousands
                return
            case events.StateDone():
                self._done += 1
            case _:
                return
        # Both in full: what another process kept from being written once, the next state makes good.
        self._write({"done": self._done, "total": self._total})

    def on(self, base: Base) -> None:
        """The run has its base."""
        self._write({"base": base.name})

    def ended(self, exit_status: int, verdict: Verdict | None = None, result: Path | None = None) -> None:
        """The run has come to its end, with a verdict and a result file if it came so far."""
        row: dict[str, Value] = {"ended": time.time(), "exit_status": exit_status}
        if verdict is not None and result is not None:
            row |= {"bisectable": verdict.bisectable, "revert_safe": verdict.revert_safe, "digest": digest(result)}
        self._write(row)


class Runs:
    """The database of a cache. ``tell`` hears, in one line, what is wrong with it."""

    def __init__(self, cache: Path, tell: events.Listener) -> None:
        self._database = Database(cache / "runs.sqlite", _TABLE, _VERSION, lambda said: tell(events.Preparing(said)))
        self._at_work = cache / "at-work"
        self._tell = tell

    def all(self) -> tuple[Run, ...]:
        """Every run, the newest first. Raises InfraError where the file cannot be read."""
        if not self._database.path.exists():
            return ()
        try:
            return tuple(self._run(row) for row in self._database.do(_rows))
        except DatabaseError as error:
            raise InfraError(f"cannot read {self._database.path}: {error}") from error

    def find(self, number: int) -> Run | None:
        """The run with this id. Raises InfraError as ``all`` does."""
        return next((run for run in self.all() if run.id == number), None)

    @contextlib.contextmanager
    def recording(self, series: str, version: int, arch: str, out: Path) -> Iterator[Recording]:
        """Record a run while the context lasts, and with what error it is left. The caller records a good end."""
        about: dict[str, Value] = {"series": series, "version": version, "arch": arch, "out": named(str(out.resolve()))}
        with contextlib.ExitStack() as held:
            recording = Recording(self._begin(about, held))
            try:
                yield recording
            except KseriesError as error:
                recording.ended(error.exit_status)
                raise
            except OSError:
                recording.ended(InfraError.exit_status)
                raise
            except KeyboardInterrupt:
                recording.ended(INTERRUPTED_STATUS)
                raise

    def _begin(self, about: dict[str, Value], held: contextlib.ExitStack) -> Callable[[dict[str, Value]], None]:
        """Insert a row; what is to be called to change it."""
        token = uuid.uuid4().hex
        try:
            held.enter_context(self._alive(token))
            number = self._insert({"token": token, "pid": os.getpid(), "began": time.time(), **about})
        except _FAULTS as error:
            self._tell(events.Preparing(f"kseries runs will not list this run: {self._database.path}: {error}"))
            return lambda _: None
        told = False

        def write(row: dict[str, Value]) -> None:
            nonlocal told
            try:
                self._update(number, row)
            except _FAULTS as error:
                if not told:
                    self._tell(
                        events.Preparing(f"kseries runs may not tell how this run went: {self._database.path}: {error}")
                    )
                told = True

        return write

    # --- which processes are there ----------------------------------------------------------

    @contextlib.contextmanager
    def _alive(self, token: str) -> Iterator[None]:
        """A locked file: the kernel unlocks it when we die, and nobody can take another process for us."""
        self._at_work.mkdir(parents=True, exist_ok=True)
        path = self._at_work / token
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                path.unlink(missing_ok=True)

    def _is_alive(self, token: str) -> bool:
        try:
            with (self._at_work / token).open() as file:
                return not cachelock.taken(file, fcntl.LOCK_SH)
        except FileNotFoundError:
            return False

    def _run(self, row: _Row) -> Run:
        stage = Stage.ENDED
        if row.ended is None:
            stage = Stage.AT_WORK if self._is_alive(row.token) else Stage.INTERRUPTED
        elif row.exit_status == INTERRUPTED_STATUS:
            stage = Stage.INTERRUPTED
        return Run(
            id=row.id,
            stage=stage,
            pid=row.pid,
            began=_when(row.began),
            ended=None if row.ended is None else _when(row.ended),
            series=row.series,
            version=row.version,
            base=row.base,
            arch=row.arch,
            out=row.out,
            result=Kept.NONE if row.digest is None else kept(Path(row.out), row.digest),
            states_done=row.done,
            states=row.total,
            verdict=Verdict(bisectable=_truth(row.bisectable), revert_safe=_truth(row.revert_safe)),
            exit_status=row.exit_status,
        )

    # --- rows -------------------------------------------------------------------------------

    def _insert(self, row: dict[str, Value]) -> int:
        names, marks = ", ".join(row), ", ".join("?" * len(row))

        def insert(database: Connection) -> int:
            number = database.execute(f"INSERT INTO runs ({names}) VALUES ({marks})", tuple(row.values())).lastrowid
            assert number is not None
            return number

        return self._database.do(insert)

    def _update(self, number: int, row: dict[str, Value]) -> None:
        names = ", ".join(f"{name} = ?" for name in row)
        values = (*row.values(), number)
        self._database.do(lambda database: database.execute(f"UPDATE runs SET {names} WHERE id = ?", values))


def _rows(database: Connection) -> list[_Row]:
    try:
        return [msgspec.convert(dict(row), _Row) for row in database.execute("SELECT * FROM runs ORDER BY id DESC")]
    except msgspec.ValidationError as error:
        raise SpoiltError(str(error)) from error


def _when(seconds: float) -> datetime:
    return datetime.fromtimestamp(round(seconds), UTC)


def _truth(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def digest(file: Path) -> str:
    """That of a result, by which it is known again. Raises OSError, and InputError for what is no file."""
    with untrusted.opened(file) as held:
        return checksums.of_file(held)


def kept(out: Path, of: str) -> Kept:
    """What has become of a result with this digest that was written to a directory."""
    try:
        return Kept.THERE if digest(out / RESULT) == of else Kept.REPLACED
    except InputError:  # something else has its name now
        return Kept.REPLACED
    except OSError:
        return Kept.GONE
