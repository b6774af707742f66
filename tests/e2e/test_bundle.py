# SPDX-License-Identifier: GPL-2.0-only
"""kseries bundle as it is typed, and its script as somebody runs it who has no kseries: on tiny kernels."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.host import checksums
from tests.support import tiny
from tests.support.commands import typed
from tests.support.conditional import Source, files, has
from tests.support.gitrepo import Repository
from tests.support.tinysplit import CONTRACT, PATCHES, SPLIT

SECONDS = 300
ELSEWHERE = Path(__file__).parents[1] / "unit" / "data" / "version-1" / "all-kinds"
OUTSIDE = "/usr/bin:/bin"
BROKEN = Source(fails={"works": "C"}, caps={"X": "D"}, errors=(("D && !B", "d needs b"),))
EVIL = "one: $(touch pwned) `touch pwned`'; touch pwned; \"{{ x }} %s"


class Ran:
    """A repository of tiny kernels, and a run in it; ``findings`` is what its reports number."""

    def __init__(self, place: Path, source: Source, patches: tuple[tuple[str, dict[str, str]], ...]) -> None:
        self.place = place
        self.linux = Repository(place / "linux")
        self.linux.commit("base", files("abcde", source))
        self.linux.git("tag", "base")
        for subject, changed in patches:
            self.linux.commit(subject, changed)
        (place / "feature.toml").write_text(CONTRACT)
        words = ("base..main", "--tree", "linux", "--probe", "capabilities", "--contract", "feature.toml")
        done = self.kseries("run", *words, "--scenario", "prefixes,reverts", "--out", "out")
        assert done.returncode == 1, done.stderr

    def kseries(self, *words: str | Path) -> "subprocess.CompletedProcess[str]":
        return typed(self.place, *words, XDG_CACHE_HOME=str(self.place / "cache"))

    def bundle(self, number: int, into: Path, *words: str) -> Path:
        """The bundle of a finding, made here and brought elsewhere."""
        made = self.place / "made"
        done = self.kseries("bundle", "out", str(number), "-o", made, *words)
        assert done.returncode == 0, done.stderr
        shutil.move(made, into)
        return into


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Its one problem is that the revert of 3/6 is a silent break."""
    return Ran(tmp_path_factory.mktemp("split"), SPLIT, tuple((subject, dict(has)) for subject, has in PATCHES))


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """It is not bisectable at 1/3, and breaks a check with 3/3."""
    patches = ((EVIL, has("d")), ("two: b", has("b")), ("three: break a check", has("c")))
    return Ran(tmp_path_factory.mktemp("broken"), BROKEN, patches)


def reproduced(bundle: Path, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """What the script says outside of the project, with nothing of our environment."""
    return subprocess.run(
        ["sh", str(bundle / "reproduce.sh"), *words],
        cwd="/",
        env={"PATH": OUTSIDE, "JOBS": "2", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_a_silent_break_is_shown_and_by_the_kernel_without_the_patches_it_is_not(split: Ran, tmp_path: Path) -> None:
    bundle = split.bundle(1, tmp_path / "bundle")
    linux = str(split.linux.path)
    done = reproduced(bundle, LINUX=linux)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seen:     the kernel advertises X_FEATURE: yes\n" in done.stdout
    assert "seen:     capabilities.works: fail (it is: fail)\n" in done.stdout
    assert "SHOWN: finding 1, silent-break at without-3\n" in done.stdout
    base = reproduced(bundle, "--base", LINUX=linux)
    assert base.returncode == 1 and "not seen: the kernel advertises X_FEATURE: yes" in base.stdout


def test_a_state_without_the_defect_does_not_show_it(split: Ran, tmp_path: Path) -> None:
    bundle = split.bundle(1, tmp_path / "bundle")
    *_, revert = sorted((bundle / "patches").iterdir())
    assert "Revert 3/6 'lib: Annotate'" in revert.read_text()
    revert.unlink()  # what is left is the whole series, which keeps its promise
    other = reproduced(bundle, LINUX=str(split.linux.path))
    assert other.returncode == 2 and "the patches came to other files than they should" in other.stderr
    names = [row.split("  ./")[1] for row in (bundle / "patched.sha256").read_text().splitlines()]
    sums = [(checksums.of_bytes((split.linux.path / name).read_bytes()), name) for name in names]
    (bundle / "patched.sha256").write_text("".join(f"{digest}  ./{name}\n" for digest, name in sums))
    done = reproduced(bundle, LINUX=str(split.linux.path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "seen:     the kernel advertises X_FEATURE: yes\n" in done.stdout
    assert "not seen: capabilities.works: fail (it is: pass)\n" in done.stdout


def test_a_build_that_fails_is_shown_without_a_guest_and_its_subject_is_only_told(broken: Ran, tmp_path: Path) -> None:
    bundle = broken.bundle(2, tmp_path / "bundle")
    assert not (bundle / "initramfs.cpio").exists()
    done = reproduced(bundle, LINUX=str(broken.linux.path))
    assert done.returncode == 0 and "the build fails: main.S:" in done.stdout, done.stdout + done.stderr
    base = reproduced(bundle, "--base", LINUX=str(broken.linux.path))
    assert base.returncode == 1 and "built: yes" in base.stdout, base.stdout + base.stderr
    assert "touch pwned" in (bundle / "reproduce.sh").read_text()
    assert not Path("/pwned").exists() and [*tmp_path.rglob("pwned")] == []


def test_with_its_source_a_bundle_needs_nothing_and_is_the_same_bytes_again(split: Ran, tmp_path: Path) -> None:
    packed = []
    for again in ("first", "again"):
        place = tmp_path / again / "bundle.tar.gz"
        done = split.kseries("bundle", "out", "1", "-o", place, "--with-source")
        assert done.returncode == 0, done.stderr
        packed.append(place.read_bytes())
    assert packed[0] == packed[1]
    subprocess.run(["tar", "-C", tmp_path, "-xf", tmp_path / "first" / "bundle.tar.gz"], check=True)
    done = reproduced(tmp_path / "bundle")
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_missing_is_told(split: Ran, tmp_path: Path) -> None:
    bundle = split.bundle(1, tmp_path / "bundle")
    assert "LINUX is not set" in reproduced(bundle).stderr
    assert "there is no /nowhere" in reproduced(bundle, LINUX="/nowhere").stderr
    shutil.copytree(split.linux.path, tmp_path / "other", ignore=shutil.ignore_patterns(".git"))
    (tmp_path / "other" / "c.h").write_text("#define C 2\n")
    other = reproduced(bundle, LINUX=str(tmp_path / "other"))
    assert other.returncode == 2 and "is another kernel than linux" in other.stderr
    (tmp_path / "mine").mkdir()
    mine = reproduced(bundle, LINUX=str(split.linux.path), WORK=str(tmp_path / "mine"))
    assert mine.returncode == 2 and "nothing that this script has made" in mine.stderr
    few = reproduced(bundle, LINUX=str(split.linux.path), PATH=str(without("qemu-system-x86_64", tmp_path / "bin")))
    assert few.returncode == 2 and "qemu-system-x86_64 (Debian: apt-get install qemu-system-x86)" in few.stderr
    assert reproduced(bundle, "--bases").returncode == 2


def without(program: str, place: Path) -> Path:
    """A folder with all programs of this host but one."""
    place.mkdir()
    for folder in OUTSIDE.split(":"):
        for one in Path(folder).iterdir():
            if one.name != program and not (place / one.name).exists():
                (place / one.name).symlink_to(one)
    return place


def test_a_cache_that_lost_its_trees_makes_them_again(split: Ran, tmp_path: Path) -> None:
    first = split.bundle(1, tmp_path / "first")
    shutil.rmtree(split.place / "cache" / "kseries" / "trees.git")
    again = split.bundle(1, tmp_path / "again")
    for name in ("reproduce.sh", "initramfs.cpio", "config", "patched.sha256", "patches/0007.patch"):
        assert (first / name).read_bytes() == (again / name).read_bytes(), name


def test_what_is_asked_for_and_cannot_be_is_told_in_two_lines(split: Ran, tmp_path: Path) -> None:
    for words, said in failures(split, tmp_path):
        done = split.kseries("bundle", *words)
        assert done.returncode == 2, (words, done.stderr)
        assert said in done.stderr and len(done.stderr.splitlines()) <= 2, done.stderr
    assert not (split.place / "kseries-bundle-1").exists()


def failures(split: Ran, tmp_path: Path) -> Iterator[tuple[tuple[str | Path, ...], str]]:
    yield ("out", "7"), "there are: 1 silent-break at without-3"
    yield ("nowhere", "1"), "no result of a run"
    yield (ELSEWHERE, "1"), "elsewhere now, name it, too: kseries bundle RUN FINDING TARGET"
    yield (ELSEWHERE, "1", "gone"), "it takes a test case"
    yield ("out", "1", "-o", "."), "has no name of its own"
    yield ("out", "1", "-o", "/dev/null/x"), "-o /dev/null/x: "
    yield ("out", "1", "-o", "linux"), "has something else in it"
    yield ("out", "1", "-o", "feature.toml"), "it is a file"
    shutil.copytree(split.place / "out", tmp_path / "moved")
    result = (tmp_path / "moved" / "result.json").read_text()
    moved = result.replace(split.linux.git("rev-parse", "--short=12", "main"), "main~1")
    (tmp_path / "moved" / "result.json").write_text(moved)
    yield (tmp_path / "moved", "1"), "is another tree now"
    shutil.copytree(split.place / "out", tmp_path / "later")
    base, topic = (split.linux.git("rev-parse", f"{name}^{{tree}}") for name in ("base", "main"))
    (tmp_path / "later" / "result.json").write_text(result.replace(base, topic))
    yield (tmp_path / "later", "1"), "is another kernel now: "


def test_a_kernel_of_no_repository_is_copied_from_its_folder(split: Ran, tmp_path: Path) -> None:
    bundle = split.bundle(1, tmp_path / "bundle")
    split.linux.git("worktree", "add", "--detach", str(tmp_path / "base"), "base")
    (tmp_path / "base" / ".git").unlink()
    done = reproduced(bundle, LINUX=str(tmp_path / "base"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert tiny.LIB in (bundle / "work" / "linux" / "lib.S").read_text()
