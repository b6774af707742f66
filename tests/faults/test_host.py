# SPDX-License-Identifier: GPL-2.0-only
"""What else a host does to a run: it ends it between two stages, moves its clock, closes its cache, cleans up /tmp."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.cache import flakes
from kseries.cache.flakes import Flakes
from kseries.host.files import remove
from tests.support import counting, tiny
from tests.support.commands import TOP
from tests.support.processes import below, booting
from tests.support.site import GOOD, SECONDS, Holds, Site, held, told, until

LATER = pytest.mark.full("faults")


def killed(run: "subprocess.Popen[str]") -> None:
    os.kill(run.pid, signal.SIGKILL)
    run.communicate(timeout=SECONDS)


def opened(pid: int) -> list[str]:
    """The files that a process has open (proc(5))."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(link.readlink()))
    return found


def struck(site: Site, holds: Holds, tip: str, tool: str, victim: str) -> "subprocess.Popen[str]":
    """A run of which kseries, or the tool that it waits for, was killed while that was at work."""
    holds.hold(tool)
    run = site.start(tip)
    until(lambda: holds.held(tool), tool, run)
    if victim == "kseries":
        killed(run)
    else:
        os.kill(until(lambda: below(run.pid, tool), tool, run), signal.SIGKILL)
    holds.release()
    return run


def goes_on(site: Site, tip: str) -> None:
    """Nothing is left of a run that was ended, and the same one comes to what it should."""
    until(lambda: not site.left(), "what was left running to end")
    again = site.run(tip)
    assert again["states"] == GOOD
    assert again["fresh"] == ["prefix-1"], "base is known, and is not done twice"


@pytest.mark.parametrize("victim", ["kseries", "git"])
def test_a_check_out_that_ends_by_halves_is_done_over(site: Site, holds: Holds, victim: str) -> None:
    tip = site.series()
    run = struck(site, holds, tip, "git", victim)
    if victim == "git":
        outcome, detail = told(run)["states"]["prefix-1"]
        assert outcome == "infra-error" and detail.startswith("git read-tree failed in ")
    goes_on(site, tip)


def test_what_a_killed_run_has_left_at_its_sources_is_waited_for(site: Site, holds: Holds) -> None:
    """A git that outlives kseries would write the files of one tree among those of the next one."""
    holds.hold("git")
    run = site.start(site.series())
    until(lambda: holds.held("git"), "git", run)
    killed(run)
    other = site.series()
    second = site.start(other)
    assert second.stderr is not None
    said = second.stderr.readline()  # nothing, where it does not wait
    assert f"(PID {run.pid}) has left running, which was killed" in said, second.communicate()
    holds.release()
    assert told(second)["states"] == GOOD
    sources = (site.place / "worker" / "source" / "main.S").read_text()
    assert f'.asciz "series {site.count}"' in sources, "those of the last tree, whichever git was the last to begin"


@LATER
@pytest.mark.parametrize("victim", ["kseries", "cp"])
def test_a_copy_of_bases_build_folder_is_whole_or_not_there(
    tmp_path_factory: pytest.TempPathFactory, site: Site, holds: Holds, victim: str
) -> None:
    new = Site(tmp_path_factory.mktemp("new"))  # whose base is not known
    tip = new.series()
    run = struck(new, holds, tip, "cp", victim)
    if victim == "cp":
        assert told(run)["states"] == GOOD
    assert list(new.place.glob("worker/*.pristine")) == []
    again = new.run(tip)
    assert again["states"] == GOOD
    new.end()


def test_a_result_that_is_stored_by_halves_is_not_there(site: Site) -> None:
    tip = site.series()
    (site.obj / "print").touch()  # so much that it takes a while to copy
    run = site.start(tip)
    halves = until(lambda: list(site.place.glob(f"results/*.{run.pid}")), "a result on its way", run, pause=0.001)
    killed(run)
    assert [half for half in halves if half.exists()], "it was on its way"
    (site.obj / "print").unlink()
    goes_on(site, tip)
    for half in halves:
        remove(half)


def test_a_count_that_is_ended_by_halves_is_done_by_the_next_run(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.support.counting", str(tmp_path)]
    assert subprocess.run([*words, "7"], check=False, timeout=SECONDS).returncode == -signal.SIGKILL
    assert Flakes(tmp_path).rate("p.a", counting.FAMILY) == (0, 0), "none of it is there"
    for _ in range(2):
        subprocess.run(words, check=True, timeout=SECONDS)
        assert Flakes(tmp_path).rate("p.a", counting.FAMILY) == (counting.COUNT, 2 * counting.COUNT)
    assert not (tmp_path / f"{flakes.NAME}.old").exists(), "nothing was put aside for it"


@LATER
def test_a_run_that_waits_for_one_that_is_killed_goes_on(site: Site) -> None:
    tip = site.series()
    first = held(site, tip, "compile")
    second = site.start(tip)
    until(lambda: str(site.place / "worker" / "lock") in opened(second.pid), "the second to wait", second)
    (site.obj / "hold-compile").unlink()
    killed(first)
    assert told(second)["states"] == GOOD
    until(lambda: not site.left(), "what was left running to end")


def worked(pid: int) -> float:
    """Seconds of a processor's time (proc(5), utime)."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11]) / os.sysconf("SC_CLK_TCK")


@LATER
def test_a_folder_that_somebody_removes_is_of_no_more_use(site: Site, tmp_path: Path) -> None:
    tip = site.series(delay=tiny.LONG // 2)
    run = site.start(tip, "env", f"TMPDIR={tmp_path}")
    pid = until(lambda: booting(run.pid), "QEMU", run)
    until(lambda: worked(pid) > 1.0, "the guest to be at work: QEMU has read by then what it boots", run)
    (folder,) = tmp_path.glob("kseries-*")
    shutil.rmtree(folder)
    assert told(run)["states"] == GOOD


ANY_NAME = "a, \"b\" ='c';:%d%s#$HOME \\ \u00e4\n\x01\udcff"


@pytest.mark.parametrize("umask", ["022", "077"])
def test_tmpdir_may_have_any_name_and_length(site: Site, tmp_path: Path, umask: str) -> None:
    """The address of a socket takes 107 bytes; QEMU reads a comma and a % for its own."""
    place = tmp_path / ANY_NAME / ("long" * 60) / ("longer" * 40)
    place.mkdir(parents=True)
    run = site.start(
        site.series(), "sh", "-c", f'umask {umask}; TMPDIR=$1; export TMPDIR; shift; exec "$@"', "sh", str(place)
    )
    assert told(run)["states"] == GOOD
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("offset", ["-1h", pytest.param("+1h", marks=LATER)])
def test_a_clock_that_jumps_between_two_runs_changes_nothing(site: Site, offset: str) -> None:
    assert site.run(site.series())["states"] == GOOD
    seen = site.obj / "seen"
    seen.touch()
    tip = site.series()
    assert told(site.start(tip, "faketime", "-f", offset))["states"] == GOOD
    assert seen.exists() == (offset == "+1h"), "objects of a time to come are not gone on with"
    for one in (tip, site.series()):
        assert site.run(one)["states"] == GOOD


# --- from the command line, as somebody who may not write ---------------------------------------


@pytest.fixture
def words(tmp_path: Path) -> list[str | Path]:
    """A series of one patch to a small tree, as TARGET and --tree."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "Makefile").write_text("VERSION = 6\n")
    patch = tmp_path / "one.patch"
    patch.write_text("Subject: one\n\n---\n--- a/Makefile\n+++ b/Makefile\n@@ -1 +1,2 @@\n VERSION = 6\n+# one\n")
    return [patch, "--tree", tree]


def as_nobody(*words: str | Path, cache: Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """kseries by one whom modes hold: root without its capabilities."""
    bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*bare, TOP / "kseries", *words],
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
    )


@contextlib.contextmanager
def read_only(cache: Path) -> Iterator[None]:
    places = [cache, *(place for place in cache.rglob("*") if place.is_dir())]
    for place in places:
        place.chmod(0o555)
    yield
    for place in places:
        place.chmod(0o755)


@pytest.mark.parametrize(
    ("verb", "filled"), [("run", True), *(pytest.param(verb, False, marks=LATER) for verb in ("plan", "run"))]
)
def test_a_cache_that_is_read_only_is_named(tmp_path: Path, words: list[str | Path], verb: str, filled: bool) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    if filled:
        assert as_nobody("plan", *words, cache=cache, cwd=tmp_path).returncode == 0
    with read_only(cache):
        done = as_nobody(verb, *words, cache=cache, cwd=tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("kseries: ")]
    assert len(said) == 1 and str(cache) in said[0] and "Permission denied" in said[0], done.stderr
    assert as_nobody("plan", *words, cache=cache, cwd=tmp_path).returncode == 0


def test_a_plan_that_is_known_is_told_from_a_read_only_cache(tmp_path: Path, words: list[str | Path]) -> None:
    cache = tmp_path / "cache"
    before = as_nobody("plan", *words, cache=cache, cwd=tmp_path)
    with read_only(cache):
        again = as_nobody("plan", *words, cache=cache, cwd=tmp_path)
    assert (again.returncode, again.stdout) == (0, before.stdout), again.stderr


def test_a_store_that_may_not_be_read_is_named_and_kept(tmp_path: Path, words: list[str | Path]) -> None:
    cache = tmp_path / "cache"
    before = as_nobody("plan", *words, cache=cache, cwd=tmp_path)
    packs = list(cache.glob("kseries/trees.git/objects/pack/*.pack"))
    for pack in packs:
        pack.chmod(0)
    closed = as_nobody("plan", *words, "--scenario", "pairs", cache=cache, cwd=tmp_path)
    assert closed.returncode == 3 and f"cannot read {packs[0]}: Permission denied; nothing is removed" in closed.stderr
    for pack in packs:
        pack.chmod(0o444)
    again = as_nobody("plan", *words, cache=cache, cwd=tmp_path)
    assert (again.returncode, again.stdout) == (0, before.stdout), again.stderr
    assert "damaged" not in again.stderr


def test_an_out_that_is_read_only_is_named_before_anything_is_built(tmp_path: Path, words: list[str | Path]) -> None:
    (tmp_path / "closed").mkdir(mode=0o555)
    done = as_nobody("run", *words, "--out", "closed/out", cache=tmp_path / "cache", cwd=tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "kseries: cannot use closed/out: Permission denied\n" in done.stderr and "building" not in done.stderr
