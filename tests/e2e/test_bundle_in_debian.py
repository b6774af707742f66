# SPDX-License-Identifier: GPL-2.0-only
"""The bundle of each finding of the demo, in a Debian that has what its README names, and nothing else."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import SECONDS, SPLIT, Kseries

pytestmark = pytest.mark.full("e2e")
SUITE = "bookworm"
_DEBIAN = re.compile(r"^    apt-get install ((?:.*\\\n)*.*)$", re.MULTILINE)


def packages(readme: str) -> list[str]:
    """Those that a README has Debian install."""
    found = _DEBIAN.search(readme)
    assert found is not None
    return found[1].replace("\\\n", " ").split()


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A minimal Debian in a folder, from where the host's own comes."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("debootstrap needs root, and to be there (apt-get install debootstrap)")
    place = tmp_path_factory.mktemp("debian") / "root"
    mirror = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", f"Codename: {SUITE}"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    words = ["debootstrap", "--variant=minbase", SUITE, str(place), *mirror[:1]]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    yield place
    shutil.rmtree(place)


def within(debian: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(
        ["chroot", debian, *words],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_each_finding_of_the_demo_is_shown_in_a_bare_debian(kseries: Kseries, debian: Path, tmp_path: Path) -> None:
    done = kseries("demo", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    place = tmp_path / "out" / SPLIT.name
    findings = json.loads((place / "result.json").read_text())["variants"][0]["findings"]
    assert findings
    for number, finding in enumerate(findings, 1):
        bundle = debian / f"bundle-{number}"
        made = kseries("bundle", place, str(number), SPLIT, "-o", bundle, "--with-source")
        assert made.returncode == 0, made.stderr
        bare = within(debian, "sh", f"/{bundle.name}/reproduce.sh")
        if number == 1:
            assert bare.returncode == 2 and "gcc (Debian: apt-get install gcc)" in bare.stderr, bare.stderr
        wanted = packages((bundle / "README").read_text())
        installed = within(debian, "apt-get", "install", "-y", "--no-install-recommends", *wanted)
        assert installed.returncode == 0, installed.stdout[-3000:] + installed.stderr
        shown = within(debian, "sh", f"/{bundle.name}/reproduce.sh")
        assert shown.returncode == 0, shown.stdout + shown.stderr
        assert f"SHOWN: finding {number}, {finding['kind']} at {finding['state']}\n" in shown.stdout
        base = within(debian, "sh", f"/{bundle.name}/reproduce.sh", "--base")
        assert base.returncode == 1, base.stdout + base.stderr
        shutil.rmtree(bundle)
