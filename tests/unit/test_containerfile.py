# SPDX-License-Identifier: GPL-2.0-only
"""docs/Containerfile, which nobody can build here: it installs what the launcher would, and copies what is needed."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kseries.host import paths

TOP = paths.project()
_KNOWN = {"FROM", "ARG", "COPY", "RUN", "ENV", "VOLUME", "WORKDIR", "USER", "ENTRYPOINT", "CMD"}
_HOME = "/opt/kseries"


def read(text: str) -> list[tuple[str, str]]:
    """The instructions of a Containerfile, each with its words; behind a backslash a line goes on."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in whole.splitlines() if line)]


STEPS = read((TOP / "docs" / "Containerfile").read_text())


def of(name: str) -> list[str]:
    return [words for step, words in STEPS if step == name]


def test_it_is_made_of_steps_that_there_are_and_its_shell_is_one() -> None:
    assert {name for name, _ in STEPS} == _KNOWN
    assert STEPS[0][0] == "FROM"
    for script in of("RUN"):
        subprocess.run(["sh", "-n", "-c", script], check=True, timeout=60)


def test_it_installs_the_packages_of_the_launchers_lists_and_no_list_of_its_own(tmp_path: Path) -> None:
    """Its first script, where apt-get is one that notes what it is to install."""
    home, tools = tmp_path / "kseries", tmp_path / "bin"
    tools.mkdir()
    (tools / "apt-get").write_text('#!/bin/sh\nfor word; do echo "$word"; done >>"$NOTES"\n')
    (tools / "apt-get").chmod(0o755)
    (tools / "rm").symlink_to("/bin/true")
    (copied,) = (words.split()[:-1] for words in of("COPY") if "debian-packages" in words)
    home.mkdir()
    for name in copied:
        shutil.copy(TOP / name, home)
    script = of("RUN")[0].replace(_HOME, str(home))
    (lists,) = (words.partition("=")[2].strip('"') for words in of("ARG") if words.startswith("lists="))
    env = {"PATH": f"{tools}:/usr/bin:/bin", "NOTES": str(tmp_path / "notes"), "lists": lists, "more": "sparse"}
    subprocess.run(["sh", "-c", script], check=True, timeout=60, env=env)
    noted = [word for word in (tmp_path / "notes").read_text().split() if not word.startswith("-")]
    launchers = (TOP / "debian-packages.txt").read_text().split()
    assert noted == ["update", "install", "ca-certificates", "sparse", *launchers]
    assert {path.name for path in TOP.glob("debian-packages*.txt")} - {*copied} == {"debian-packages-test.txt"}


def test_all_that_a_wheel_has_is_copied() -> None:
    wheel = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = {words.split()[0] for words in of("COPY")}
    assert {*wheel["force-include"], "harness"} <= copied


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """What is in the image's folder of kseries."""
    home = tmp_path / "kseries"
    for *sources, place in map(str.split, of("COPY")):
        target = home / Path(place).relative_to(_HOME)
        for source in sources:
            for path in TOP.glob(source):
                if path.is_dir():
                    shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    target.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, target)
    return home


def test_kseries_works_of_what_is_copied(image: Path, tmp_path: Path) -> None:
    assert {*(image / "requirements.lock").read_text().split()}, "the launcher makes .venv of it"
    words: list[str | Path] = [sys.executable, "-I", image / "harness" / "kseries" / "start"]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    for command, said in (("completion bash", "_shtab_kseries"), ("extra", "cluster"), ("doctor", "bwrap")):
        done = subprocess.run(
            [*words, *command.split()], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode in (0, 3) and said in done.stdout, done.stderr


def test_it_runs_as_a_user_whose_cache_is_a_volume() -> None:
    (user,), (volume,), (environment,) = of("USER"), of("VOLUME"), of("ENV")
    assert f"useradd --create-home --uid $uid {user}" in of("RUN")[-1] and user != "root"
    assert environment == f"XDG_CACHE_HOME={volume}"
    assert re.search(rf"install -d -o {user} -g {user} {volume}\b", of("RUN")[-1])
    assert [name for name, _ in STEPS].index("USER") > max(n for n, (name, _) in enumerate(STEPS) if name == "RUN")
