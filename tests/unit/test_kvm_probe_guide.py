# SPDX-License-Identifier: GPL-2.0-only
"""docs/kvm-probe.md: each example is a file, compiled and read as it stands there."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from kseries.host import paths
from kseries.inputs import contracts
from tests.support.commands import TOP

GUIDE = (TOP / "docs" / "kvm-probe.md").read_text()
BLOCKS = re.findall(r"^```(c|toml)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
PROGRAMS = [text for kind, text in BLOCKS if kind == "c" and "int main(void)" in text]
CONTRACTS = [text for kind, text in BLOCKS if kind == "toml"]
SELFTEST = "kvm.my_feature_test"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs, compiled as the guide says, against the host's own uapi headers."""
    home = tmp_path_factory.mktemp("guide")
    for text in PROGRAMS:
        _source(home, text).write_text(text)
    words = ["make", "--silent", f"--directory={paths.project('guests')}", f"OUT={home}/out", "HEADERS=/usr/include"]
    sources = " ".join(map(str, sorted(home.glob("*.c"))))
    subprocess.run([*words, f"PROGRAMS={sources}", "theirs"], check=True, timeout=300)
    return home / "out" / "programs"


def _source(home: Path, text: str) -> Path:
    """A source of the name that it gives itself."""
    (name,) = re.findall(r'ktap_main\("(\w+)"', text)
    return home / f"{name}.c"


def test_the_programs_compile_and_say_what_they_find(made: Path) -> None:
    names = {program.name for program in made.iterdir()}
    assert names == {_source(made, text).stem for text in PROGRAMS}
    assert len(names) >= 2
    for name in names:
        said = subprocess.run([made / name], capture_output=True, text=True, timeout=60, check=False).stdout
        assert f"# Subtest: {name}" in said
        assert ("# cap KVM_CAP_IMMEDIATE_EXIT=" in said) == os.access("/dev/kvm", os.R_OK | os.W_OK)


def test_the_contracts_are_about_checks_that_there_are(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.toml" for number in range(len(CONTRACTS))]
    for file, text in zip(files, CONTRACTS, strict=True):
        file.write_text(text)
    read = contracts.read(files)
    probes = frozenset(_source(tmp_path, text).stem for text in PROGRAMS)
    contracts.check(read, probes | {SELFTEST})
    assert {name for one in read for name in one.checks} == {
        "immediate_exit.runs_only_once_it_is_cleared",
        f"{SELFTEST}.exit_status",
    }
    for one in read:
        assert f'ktap_cap("{one.when}"' in "".join(PROGRAMS)
