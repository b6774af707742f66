# SPDX-License-Identifier: GPL-2.0-only
"""What may exercise a series, as ``kseries plan`` offers it: by MAINTAINERS, by options, by suites beside a file."""

import json
from pathlib import Path

import pytest

from kseries.cli import main
from tests.support.gitrepo import Repository

SELFTESTS = "tools/testing/selftests"
TREE = {
    "Makefile": "VERSION = 6\n",
    "Kbuild": "obj-y += net/ lib/\n",
    "net/Makefile": "obj-$(CONFIG_WIRE) += wire.o\n",
    "net/wire.c": "int a;\n",
    "lib/Makefile": "obj-y += list.o\n",
    "lib/list.c": "int a;\n",
    "lib/list-test.c": 'static struct kunit_suite s = {\n\t.name = "list-kunit-test",\n};\nkunit_test_suite(s);\n',
    "MAINTAINERS": f"List\n\nWIRE\nF:\tnet/wire.c\nF:\t{SELFTESTS}/wires/\n",
    f"{SELFTESTS}/wires/Makefile": "",
    f"{SELFTESTS}/wires/loop.c": "int main(void) {}\n",
    f"{SELFTESTS}/drivers/net/config": "CONFIG_NET=y\nCONFIG_WIRE=m\n",
    f"{SELFTESTS}/other/config": "CONFIG_WIRELESS=y\n",
}


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    repository = Repository(tmp_path / "linux")
    repository.commit("base", TREE)
    repository.git("tag", "base")
    repository.commit("topic", {"net/wire.c": "int b;\n", "lib/list.c": "int b;\n"})


def plan(*words: str) -> int:
    return main(["plan", "base..HEAD", "--tree", "linux", "--scenario", "prefixes", "--probe", "capabilities", *words])


def test_a_plan_offers_what_lies_beside_the_changed_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan() == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[lines.index("what may exercise it, and is not asked for:") + 1 :] == [
        "  --kunit list-kunit-test (lib/list-test.c)",
        "  --selftest wires:TEST (MAINTAINERS, WIRE)",
        "  --selftest drivers/net (its config has CONFIG_WIRE)",
    ]


def test_what_is_asked_for_is_not_offered(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan("--json", "--selftest", "wires:loop", "--kunit", "list*") == 0
    offers = json.loads(capsys.readouterr().out)["offers"]
    assert [one["what"] for one in offers] == ["--selftest drivers/net"]
