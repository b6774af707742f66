# SPDX-License-Identifier: GPL-2.0-only
"""Debian's queues for 6.1 and 6.12, and the RT queues on top of them: bit for bit what patch(1) makes of them.

Each patch is put into a check-out of the tarball with patch(1), as quilt would, and its tree is written by git.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kseries.host import paths
from tests.support import debian
from tests.support.commands import Kseries

pytestmark = pytest.mark.full("series")

FROM = {"6.1": "debian bookworm", "6.12": "debian bookworm-backports"}
PATCHED = re.compile(rb"^patching file (.*?)(?: \((?:renamed|copied|read) from .*\))?$", re.MULTILINE)
RENAMED = re.compile(rb"^rename (?:from|to) (.*)$", re.MULTILINE)
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "QUILT"))} | {
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


@dataclass(frozen=True)
class CheckOut:
    """A kernel in a folder, with a repository beside it that no attribute of the kernel's tells what to do."""

    folder: Path
    repository: Path

    def git(self, *words: str, stdin: bytes = b"") -> str:
        env = {**ENVIRONMENT, "GIT_DIR": str(self.repository), "GIT_WORK_TREE": str(self.folder)}
        done = subprocess.run(["git", *words], cwd=self.folder, env=env, input=stdin, check=True, capture_output=True)
        return done.stdout.decode().strip()

    def tree(self) -> str:
        return self.git("write-tree")

    def commit(self, tree: str) -> None:
        words = ("-c", "user.name=A", "-c", "user.email=a@example.org", "commit-tree", tree, "-m", "Linux")
        self.git("update-ref", "HEAD", self.git(*words))

    def patched(self, queue: Path, fuzz: int = 0) -> list[str]:
        """The tree after each patch of a quilt queue, by patch(1) as quilt calls it."""
        return [self._patch(queue / name, fuzz) for name in named(queue)]

    def _patch(self, patch: Path, fuzz: int) -> str:
        words = ["patch", "-p1", "-E", "-f", "-u", f"--fuzz={fuzz}", "--no-backup-if-mismatch", "-i", str(patch)]
        done = subprocess.run(words, cwd=self.folder, env=ENVIRONMENT, capture_output=True)
        assert done.returncode == 0, f"{patch}: {done.stdout.decode()}"
        touched = {name.strip(b"'") for name in PATCHED.findall(done.stdout)}
        touched |= {
            name.strip() for name in re.findall(rb"^rename (?:from|to) (.*)$", patch.read_bytes(), re.MULTILINE)
        }
        self.git("update-index", "--add", "--remove", "-z", "--stdin", stdin=b"\0".join(touched) + b"\0")
        return self.tree()


def named(queue: Path) -> list[str]:
    return re.findall(r"^[^#\s]\S*", (queue / "series").read_text(), re.MULTILINE)


@pytest.fixture(scope="module", params=FROM)
def source(request: pytest.FixtureRequest) -> debian.Source:
    if shutil.which("apt-get") is None:
        pytest.skip("the queue comes through apt, which is not here")
    branch = str(request.param)
    try:
        return debian.source(branch, FROM[branch], paths.cache("tests", f"debian-source-{branch}"))
    except ConnectionError as error:
        pytest.skip(f"Debian's archive cannot be reached: {error}")


@pytest.fixture(scope="module")
def checked_out(source: debian.Source) -> Iterator[CheckOut]:
    with tempfile.TemporaryDirectory(prefix="kseries-debian-") as scratch:
        made = CheckOut(Path(scratch) / "linux", Path(scratch) / "linux.git")
        made.folder.mkdir()
        words = ("tar", "-xJf", source.upstream, "--strip-components=1", "--no-same-owner", "-C", made.folder)
        subprocess.run([*map(str, words)], check=True)
        subprocess.run(["git", "init", "--quiet", "--bare", made.repository], check=True, env=ENVIRONMENT)
        (made.repository / "info" / "attributes").write_text("* -text -ident -filter !eol\n")
        made.git("add", "--all", "--force")
        yield made


def test_every_patch_of_both_queues_makes_the_tree_that_patch_makes(
    source: debian.Source, checked_out: CheckOut, kseries: Kseries
) -> None:
    bases = [checked_out.tree()]
    for queue, tree in ((source.patches, source.upstream), (source.realtime, checked_out.repository)):
        wanted = checked_out.patched(queue)
        assert len(wanted) > 30
        done = kseries("plan", queue, "--tree", tree, "--scenario", "prefixes", "--json")
        assert done.returncode == 0, done.stderr
        plan = json.loads(done.stdout)
        assert plan["base"]["tree"] == bases[-1]
        assert [patch["tree_after"] for patch in plan["patches"]] == wanted
        checked_out.commit(wanted[-1])
        bases.append(wanted[-1])
