# SPDX-License-Identifier: GPL-2.0-only
"""kseries gc: what goes, in which order, and what stays whatever happens."""

import ast
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import kseries
from kseries import cli
from kseries.cache.gc import collect as collecting
from kseries.cache.gc import leftovers
from kseries.cache.gc.collect import PARTS, Collected, Part, collect
from kseries.cache.gc.trees import Trees
from kseries.cache.store import Store
from kseries.host import files
from kseries.host.box import layout
from kseries.model.errors import InfraError
from kseries.probes import programs
from kseries.report import gc as table
from kseries.report.gc import size
from kseries.sources import ThreeWay, TreeStore
from kseries.sources.git import ANSWERS
from kseries.sources.manytrees import ManyTrees
from tests.support.engines import seen_of
from tests.support.gitrepo import Repository, lines
from tests.support.locks import holder
from tests.support.runs import state

MIB = 1 << 20
ROOMY = 1 << 40


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    place = tmp_path / "kseries"
    place.mkdir()
    return place


def gc(cache: Path, max_size: int = ROOMY, *, dry_run: bool = False) -> Collected:
    return collect(cache, max_size, dry_run, lambda event: pytest.fail(str(event)))


def part(done: Collected, name: str) -> Part:
    return next(part for part in done.parts if part.name == name)


def fill(path: Path, count: int = MIB, used: float | None = None) -> Path:
    """A file with that many bytes, last used then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(count))
    if used is not None:
        os.utime(path, (used, used))
    return path


def everything(cache: Path) -> list[str]:
    return sorted(str(path.relative_to(cache)) for path in cache.rglob("*"))


# --- leftovers of killed runs -------------------------------------------------------------------

LEFTOVERS = (
    "results/abc.123/build.log",
    "workers/0/scratch/prefix-1/kernel",
    "workers/0/source.123/Makefile",
    "workers/0/index.lock",
    "workers/0/queue/00000000000000000001-1-1",
    "workers/0/queue/.00000000000000000001-1-1",
    "workers/0/x86_64-0123456789abcdef/obj/vmlinux",
    "workers/0/x86_64-0123456789abcdef.pristine/obj/vmlinux",
    "workers/0/arm64-0123456789abcdef-uncached/obj/vmlinux",
    "workers/0/arm64-0123456789abcdef-unboxed-01234567/obj/vmlinux",
    "bases/kseries-base-xyz/linux.deb",
    "programs/0123abcd.4711/own.c",
    "bases/linux-source-6.12.json.4711",
    "debian/catalogue.json.4711",
    "debian/lists/partial/deb.debian.org_sid_InRelease",
    "trees.git/scratch-xyz/index",
    "trees.git/HEAD.lock",
    "trees.git/refs/imports/abc.lock",
    "trees.git/objects/info/alternates.123",
    "trees.git/objects/pack/tmp_pack_xyz",
    "trees.git/objects/4b/tmp_obj_xyz",
    "at-work/abc",
    "workers/0/x86_64-abc/said.json.123",
    "trees.git/info/attributes.123",
    "trees.git/fast_import_crash_123",
    "trees.git.123/HEAD",
    "kseries-shell-xyz/console.cpio",
    "kseries-bundle-xyz/linux.tar.gz",
    "busybox/kseries-busybox-xyz/busybox.deb",
    "userland/kseries-userland-xyz/image",
    "userland/kseries-files-xyz/userland/image",
    "programs/kseries-files-xyz/programs/own.c",
    "pieces/pack-0123",
)


def test_what_killed_runs_left_goes_and_nothing_else(cache: Path) -> None:
    TreeStore(cache / "trees.git")
    (cache / "trees.git" / "objects" / "4b").mkdir()
    unboxed = layout.unboxed(cache / "workers" / "0")
    (cache / "trees.git" / "refs" / "imports").mkdir()
    builds = ("boxed/obj/main.o", "boxed-uncached/configured", "boxed.pristine/series", f"{unboxed}/obj/main.o")
    for name in builds:
        fill(cache / "workers" / "0" / f"x86_64-0123456789abcdef-{name}", 10)
    kept = (
        "results/abc/observation.json",
        "programs/0123abcd/own.c",
        "workers/0/lock",
        "workers/0/index",
        "bases/linux-source-6.12.json",
        "bases/linux-source-6.12_6.12.107-1.json",
        "debian/lists/deb.debian.org_sid_InRelease",
        "debian/catalogue.json",
        "published.sqlite",
        "publishing/0123456789abcdef.lock",
    )
    for name in (
        *kept,
        "busybox/x86_64",
        "userland/a.squashfs",
        "workers/0/source/manual.1",
        "workers/0/x86_64-abc/obj/x.1",
    ):
        fill(cache / name, 10)
    (cache / "workers" / "0" / "queue").mkdir()
    (cache / "debian" / "lists" / "partial").mkdir()
    gc(cache)
    before = everything(cache)
    for name in LEFTOVERS:
        fill(cache / name, 10)
    done = gc(cache)
    assert [name for name in everything(cache) if name not in before] == ["at-work", "pieces"]
    assert [name for name in before if name not in everything(cache)] == []
    assert {found.name: found.removed.get("leftovers", 0) for found in done.parts} == {
        "results": 1,
        "workers": 10,
        "ccache": 0,
        "trees.git": 8,
        "bases": 2,
        "debian": 2,
        "programs": 2,
        "userland": 2,
        "other": 6,
    }


def calls(name: str) -> Iterator[ast.Call]:
    """The calls of a method or a function of this name in all of our own code."""
    for path in Path(kseries.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(name):
                yield node


_BUNDLES = ".kseries-bundle-"
"""What lies beside a bundle while it is made, which is wherever the user wants it, and not in the cache."""


def test_whatever_is_put_into_the_cache_is_known_here() -> None:
    parts = {
        node.args[0].value for node in calls("paths.cache") if node.args and isinstance(node.args[0], ast.Constant)
    }
    assert parts >= {"results", "workers", "trees.git", "ccache"}
    assert parts <= {*PARTS, *leftovers.PLACES}
    patterns = {
        pattern.rpartition("/")[2] for part in leftovers.PLACES for pattern in leftovers._PATTERNS.get(part, ())
    }
    for node in calls("TemporaryDirectory"):
        words = {word.arg: word.value for word in node.keywords}
        if "dir" in words:  # else it is in TMPDIR
            prefix = words["prefix"]
            assert isinstance(prefix, ast.Constant), ast.unparse(node)
            assert prefix.value == _BUNDLES or str(prefix.value) + "*" in patterns, ast.unparse(node)


PLANNING = """
import sys
from pathlib import Path
from kseries.sources.manytrees import ManyTrees
from kseries.sources import TreeStore
with ManyTrees(TreeStore(Path(sys.argv[1])))._scratch() as place:
    (place / "index").write_text("x")
    print("at work", flush=True)
    sys.stdin.read()
"""


def test_the_scratch_objects_of_a_killed_plan_are_such_a_leftover(cache: Path) -> None:
    words = [sys.executable, "-c", PLANNING, str(cache / "trees.git")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "at work\n"
        child.send_signal(signal.SIGKILL)
    assert list(cache.glob("trees.git/scratch-*"))
    gc(cache)
    assert not list(cache.glob("trees.git/scratch-*"))


# --- results and build folders ------------------------------------------------------------------


def put(cache: Path, name: str, used: float) -> None:
    logs = cache.parent / "logs"
    fill(logs / "build.log")
    Store(cache / "results").put(name, seen_of(state("base")), logs)
    os.utime(cache / "results" / name / "observation.json", (used, used))


def test_the_results_that_no_run_has_found_for_longest_go_first(cache: Path) -> None:
    for age, name in enumerate(("oldest", "old", "new", "newest")):
        put(cache, name, 1000.0 + age)
    assert Store(cache / "results").find("oldest") is not None  # a run finds it, and now it is the newest
    done = gc(cache, files.used(cache) - 2 * MIB)
    assert sorted(path.name for path in (cache / "results").iterdir()) == ["newest", "oldest"]
    assert part(done, "results").removed == {"results": 2}
    assert done.after <= done.max_size


def test_debians_lists_go_first_and_what_was_imported_by_them_stays(cache: Path) -> None:
    put(cache, "result", 1000.0)
    lists = [fill(cache / "debian" / name) for name in ("lists/sid_Packages.xz", "catalogue.json")]
    kept = [fill(cache / name, 10) for name in ("debian/lock", "bases/linux-source-7.3.json")]
    done = gc(cache, files.used(cache) - 1)
    assert {found.name: found.removed for found in done.parts if found.removed} == {"debian": {"package lists": 1}}
    assert part(done, "debian").after < 2 * MIB <= part(done, "debian").before
    assert not any(path.exists() for path in lists) and all(path.exists() for path in kept)
    assert "Debian's package lists" in table.render(done)


def test_a_userland_that_no_run_had_for_longest_goes_after_all_results(cache: Path) -> None:
    put(cache, "result", 1000.0)
    for name, used in (("old", 1000.0), ("new", 2000.0)):
        fill(cache / "userland" / f"{name}.squashfs", 10)
        os.utime(cache / "userland" / f"{name}.squashfs", (used, used))
    assert part(gc(cache, files.used(cache) - 1), "userland").removed == {}
    assert part(gc(cache, files.used(cache) - 1), "userland").removed == {"userlands": 1}
    assert [path.name for path in (cache / "userland").iterdir()] == ["new.squashfs"]


def test_programs_that_no_run_had_for_longest_go_after_all_results(cache: Path, tmp_path: Path) -> None:
    kept = []
    for name in ("old", "new"):
        (tmp_path / f"{name}.c").write_text(f"int main(void) {{ return 0; }} /* {name} */\n")
        (program,) = programs.read([tmp_path / f"{name}.c"], ())
        kept.append(programs.keep(program, cache / "programs"))
    put(cache, "result", 1000.0)
    old, new = (one.path.parent for one in kept)
    os.utime(old, (1000.0, 1000.0))
    assert part(gc(cache, files.used(cache) - 1), "programs").removed == {}
    done = gc(cache, files.used(cache) - 1)
    assert part(done, "programs").removed == {"programs": 1}
    assert "1 programs" in table.render(done)
    assert new.exists() and not old.exists()


def test_a_removal_that_is_cut_short_leaves_no_half_result(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cache, "abc", 1000.0)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(files, "remove", killed)
        gc(cache, 0)
    assert Store(cache / "results").find("abc") is None
    assert part(gc(cache), "results").removed == {"leftovers": 1}
    assert list((cache / "results").iterdir()) == []


@pytest.fixture
def worker(cache: Path) -> Path:
    """A worker with three configurations, the second of which was built last; 1 MiB each, as the source is."""
    home = cache / "workers" / "0"
    for name, used in (("a", 1000.0), ("b", 3000.0), ("c", 2000.0)):
        fill(home / f"x86_64-{name}" / "vmlinux")
        fill(home / f"x86_64-{name}" / "configured", 10, used)
    fill(home / "source" / "Makefile")
    fill(home / "index", 10)
    fill(home / "lock", 0)
    (home / "queue").mkdir()  # of a run that has taken its turn since
    return home


def test_of_the_build_folders_the_last_one_stays(cache: Path, worker: Path) -> None:
    total = files.used(cache)
    gc(cache, total - MIB)
    assert sorted(path.name for path in worker.iterdir()) == [
        "index",
        "lock",
        "queue",
        "source",
        "x86_64-b",
        "x86_64-c",
    ]
    done = gc(cache, total - 2 * MIB)
    assert sorted(path.name for path in worker.iterdir()) == ["index", "lock", "queue", "source", "x86_64-b"]
    assert part(done, "workers").removed == {"builds": 1}


def test_where_that_is_not_enough_the_source_goes_with_its_index_before_results_do(cache: Path, worker: Path) -> None:
    put(cache, "abc", 1.0)
    done = gc(cache, 2 * MIB)
    assert sorted(path.name for path in worker.iterdir()) == ["lock", "queue"]
    assert Store(cache / "results").find("abc") is not None
    assert part(done, "workers").removed == {"builds": 2, "workers": 1}


def test_a_cache_that_is_small_enough_loses_nothing(cache: Path, worker: Path) -> None:
    put(cache, "abc", 1.0)
    (cache / "lock").touch()
    before = everything(cache)
    gc(cache, files.used(cache))
    assert everything(cache) == before


# --- ccache -------------------------------------------------------------------------------------


@pytest.fixture
def compiled(cache: Path) -> Path:
    """A ccache with some 3 MiB in it."""
    if shutil.which("ccache") is None:
        pytest.skip("no ccache here")
    home = cache / "ccache"
    home.mkdir()
    for _ in range(40):
        (cache.parent / "a.c").write_text(f'const char a[] = "{os.urandom(75_000).hex()}";\n')
        words = ["ccache", "gcc", "-c", "a.c", "-o", "a.o"]
        env = os.environ | {
            "CCACHE_DIR": str(cache.parent / "local"),
            "CCACHE_REMOTE_STORAGE": f"file://{home}",
            "CCACHE_REMOTE_ONLY": "1",
        }
        subprocess.run(words, cwd=cache.parent, env=env, check=True)
    return home


def test_ccache_makes_room_and_keeps_its_share(cache: Path, compiled: Path, worker: Path) -> None:
    size = files.used(compiled)
    gc(cache, files.used(cache) - 3 * MIB)
    assert (worker / "x86_64-b").exists()
    assert size // 4 < files.used(compiled) < size
    gc(cache, 0)
    assert not [path for path in compiled.rglob("*") if path.is_file()]
    assert not (worker / "x86_64-b").exists()


# --- trees.git ----------------------------------------------------------------------------------


class Planned:
    """A store with a base kernel that was imported, a user's repository, and the trees of a series on either."""

    def __init__(self, cache: Path, home: Path) -> None:
        kernel = home / "kernel"
        for number in range(20):
            fill(kernel / f"d{number}" / "file").write_text(lines(50, line3=os.urandom(4).hex()))
        self.store = TreeStore(cache / "trees.git")
        self.base = self.store.add_directory(kernel)
        self.repository = Repository(home / "linux")
        self.repository.commit("base", {f"d{number}/file": lines(40) for number in range(20)})
        self.store.add_repository(self.repository.path)

    def plan(self, base: str) -> list[str]:
        """The trees of a series of twenty patches, and of its reverts."""
        diffs = [
            f"--- a/d{number}/file\n+++ b/d{number}/file\n@@ -8,3 +8,3 @@\n line 8\n-line 9\n+new {number}\n line 10\n"
            for number in range(20)
        ]
        many = ManyTrees(self.store)
        trees, error = many.apply_all(base, [diff.encode() for diff in diffs])
        assert error is None
        steps = zip([base, *trees], trees, strict=False)
        return trees + [merge.tree or "" for merge in many.merge_all([ThreeWay.revert(trees[-1], *s) for s in steps])]

    def has(self, tree: str) -> bool:
        return self.store.git("cat-file", "-e", tree, statuses=ANSWERS).returncode == 0

    def objects(self) -> int:
        said = self.store.answer("count-objects", "-v").decode().split()
        return int(said[1]) + int(said[5])

    def assert_sound(self, *trees: str) -> None:
        """All that a tree is made of is there."""
        for tree in trees:
            self.store.answer("rev-list", "--objects", self.store.commit(tree))
        assert self.store.git("fsck", "--connectivity-only", "--no-dangling").returncode == 0


@pytest.fixture
def planned(cache: Path, tmp_path: Path) -> Planned:
    return Planned(cache, tmp_path)


def test_many_loose_objects_are_packed_and_all_stay(
    planned: Planned, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = planned.plan(planned.base) + planned.plan(planned.repository.tree())
    count = planned.objects()
    assert part(gc(cache), "trees.git").removed == {}
    monkeypatch.setattr("kseries.cache.gc.trees._MANY_LOOSE", 10)
    assert part(gc(cache), "trees.git").removed.keys() == {"packed"}
    assert Trees(cache / "trees.git").scattered() == 0
    assert planned.objects() == count
    planned.assert_sound(planned.base, *trees)


def test_where_room_is_needed_the_trees_of_series_go_and_the_bases_stay(planned: Planned, cache: Path) -> None:
    trees = planned.plan(planned.base) + planned.plan(planned.repository.tree())
    work, index = cache / "work", cache / "index"
    planned.store.check_out(trees[3], work, index)  # leaves a branch and a reflog
    done = gc(cache, 0)
    assert part(done, "trees.git").removed == {"planned trees": 1}
    assert part(done, "trees.git").after < part(done, "trees.git").before
    assert [tree for tree in trees if planned.has(tree)] == []
    assert not (cache / "trees.git" / "answers.sqlite").exists()  # a tree of which a part is gone is no answer
    planned.assert_sound(planned.base, planned.repository.tree())

    # And all goes on: the same trees are made again, and the work tree follows from what is no more.
    assert planned.plan(planned.base) + planned.plan(planned.repository.tree()) == trees
    planned.assert_sound(*trees)
    planned.store.check_out(trees[5], work, index)
    assert (work / "d5" / "file").read_text().splitlines()[8] == "new 5"
    assert (work / "d6" / "file").read_text().splitlines()[8] == "line 9"


def test_where_there_is_no_room_to_pack_them_anew_the_trees_stay(
    planned: Planned, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = planned.plan(planned.base)
    free = shutil.disk_usage(cache)._replace(free=4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    assert part(gc(cache, 0), "trees.git").removed == {}
    assert all(planned.has(tree) for tree in trees)


def test_a_store_without_a_base_of_its_own_is_emptied(cache: Path, tmp_path: Path) -> None:
    planned = Planned(cache, tmp_path)
    planned.store.git("update-ref", "-d", f"refs/imports/{_only_import(planned)}")
    trees = planned.plan(planned.repository.tree())
    gc(cache, 0)
    assert planned.objects() == 0
    assert planned.plan(planned.repository.tree()) == trees


def _only_import(planned: Planned) -> str:
    (name,) = planned.store.answer("for-each-ref", "--format=%(refname:lstrip=2)").decode().split()
    return name


# --- beside others, and without doing it --------------------------------------------------------


def test_gc_does_nothing_beside_a_run_and_says_which(cache: Path, worker: Path) -> None:
    before = everything(cache)
    with holder(cache, "shared"), pytest.raises(InfraError, match=r"another kseries is at work: it holds .*/lock"):
        gc(cache, 0)
    assert [name for name in everything(cache) if name != "lock"] == before


RUN = """
import sys
from pathlib import Path
from kseries.host import cachelock
from kseries.cache.runs import Runs
cache = Path(sys.argv[1])
with cachelock.shared(cache, lambda: None), Runs(cache, print).recording("my-series", 1, "x86_64", Path("out")):
    print("at work", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def a_run(cache: Path) -> Iterator["subprocess.Popen[str]"]:
    words = [sys.executable, "-c", RUN, str(cache)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "at work\n"
        yield child
        child.kill()


def test_the_command_line_names_the_run_that_is_at_work(
    cache: Path, a_run: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    fill(cache / "workers" / "0" / "scratch" / "kernel")
    assert cli.main(["gc"]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        f"kseries: at work: run 1 (my-series, PID {a_run.pid})",
        "  nothing was removed; wait for it to end, or see --dry-run",
    ]
    assert cli.main(["gc", "--dry-run"]) == 0
    said = capsys.readouterr()
    assert said.err == f"kseries: at work: run 1 (my-series, PID {a_run.pid}); gc would not start now\n"
    assert "workers       1.0 MiB   1.0 MiB\n" in said.out  # what a run uses is no leftover


def test_a_dry_run_removes_nothing_and_foretells_what_a_real_one_does(
    cache: Path, worker: Path, planned: Planned
) -> None:
    planned.plan(planned.base)
    put(cache, "abc", 1.0)
    fill(cache / "results" / "abc.123" / "build.log")
    fill(worker / "x86_64-d.123" / "vmlinux")
    (cache / "lock").touch()
    before = everything(cache)
    for most in (files.used(cache), files.used(cache) - 2 * MIB, 3 * MIB):
        told = gc(cache, most, dry_run=True)
        assert everything(cache) == before
        assert told.dry_run
    done = gc(cache, 3 * MIB)
    assert [found.removed for found in told.parts] == [found.removed for found in done.parts]
    for ours, theirs in zip(told.parts, done.parts, strict=True):
        assert ours.before == theirs.before
        assert abs(ours.after - theirs.after) <= 0.2 * MIB, ours.name


# --- what a user sees ---------------------------------------------------------------------------


def test_the_table_has_a_line_for_each_part_and_a_total() -> None:
    parts = (
        Part(name="results", before=3 * MIB, after=MIB, removed={"leftovers": 1, "results": 12}),
        Part(name="trees.git", before=400 * MIB, after=400 * MIB, removed={}),
        Part(name="other", before=100, after=100, removed={}),
    )
    assert table.render(Collected(parts=parts, max_size=20 << 30, dry_run=False)).splitlines() == [
        "               before     after",
        "results       3.0 MiB   1.0 MiB   1 left by killed runs, 12 results",
        "trees.git     400 MiB   400 MiB",
        "other           100 B     100 B",
        "total         403 MiB   401 MiB   of at most 20.0 GiB",
    ]
    small = table.render(Collected(parts=parts, max_size=MIB, dry_run=True))
    assert small.splitlines()[0].endswith("would be")
    assert small.splitlines()[-1].startswith("What is left has to stay")


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (150 * MIB, "150 MiB"), (1 << 50, "1024.0 TiB")],
)
def test_a_size_is_told_in_the_largest_unit(count: int, said: str) -> None:
    assert size(count) == said


@pytest.mark.parametrize(
    ("word", "count"), [("0", 0), ("512", 512), ("1k", 1024), ("1.5G", 3 << 29), ("20G", 20 << 30)]
)
def test_max_size_is_read_as_it_is_meant(
    word: str, count: int, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    assert cli.main(["gc", "--max-size", word]) == 0
    assert f"of at most {size(count)}\n" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["-1", "x", "20X", "1e3", "G", "٣"])
def test_a_max_size_that_is_none_is_refused(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["gc", "--max-size", word])
    assert exit_.value.code == 2
    assert "is not a size such as 500M or 20G" in capsys.readouterr().err


def test_a_part_that_cannot_be_removed_is_a_fault_of_the_host(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cache, "abc", 1.0)

    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied", "/x")

    monkeypatch.setattr(files, "remove_whole", refuse)
    with pytest.raises(InfraError, match=r"Permission denied \(/x\)"):
        collecting.collect(cache, 0, False, print)
