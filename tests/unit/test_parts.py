# SPDX-License-Identifier: GPL-2.0-only
"""./kseries test --full: its parts have tests, and one that was interrupted goes on where it was."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kseries.cli import main
from kseries.cli.test import PARTS
from kseries.host import paths, signals
from tests.support import passed
from tests.support.site import until

TOP = paths.project()
INI = str(TOP / "tox.ini")
INNER = f"""
import sys
sys.path.insert(0, {str(TOP)!r})
from tests.conftest import *
from tests import conftest
from pathlib import Path
conftest._TOP = Path(__file__).parent
"""
TESTS = """
from pathlib import Path
import pytest

def test_short(): pass

@pytest.mark.full("demo")
def test_one(): pass

@pytest.mark.full("demo")
def test_two(): assert not Path(__file__).with_name("wrong").exists()

@pytest.mark.full("guest")
class TestOthers:
    def test_three(self): pass

    @pytest.mark.full("demo")
    def test_nearer(self): pass
"""
RUNS = ",".join(("quick", "kernels", *PARTS))
COLLECT = """
import sys
import pytest
sys.path.insert(0, ".")
from tests.conftest import part_of

class Tell:
    def pytest_collection_modifyitems(self, config, items):
        for part, path in sorted({(part_of(item), item.path.relative_to(config.rootpath)) for item in items}):
            print("\\nPART", part, path)

sys.exit(pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", "tests"], plugins=[Tell()]))
"""

PLAIN = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""pytest comes up in a third of the time without the plugins that these few tests do not use."""

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """pytest on a few tests with the project's conftest; what it said."""
    (tmp_path / "conftest.py").write_text(INNER)
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = full(part)\n")

    def once(*words: str, status: int = 0) -> str:
        argv = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "-p", "xdist", *words]
        done = subprocess.run(argv, cwd=tmp_path, env=PLAIN, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    return once


def ran(said: str) -> set[str]:
    return set(re.findall(r"^(?:PASSED|FAILED) .*::(\w+)", said, re.MULTILINE))


def test_a_part_runs_what_is_marked_for_it_and_the_rest_runs_by_itself(run: Run) -> None:
    assert ran(run("--part", "short")) == {"test_short"}
    assert ran(run("--part", "guest")) == {"test_three"}
    assert ran(run()) == {"test_short", "test_one", "test_two", "test_three", "test_nearer"}


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_what_has_passed_is_left_out_until_a_file_changes(run: Run, tmp_path: Path, workers: tuple[str, ...]) -> None:
    (tmp_path / "wrong").touch()
    words = ("--part", "demo", *workers)
    assert ran(run(*words, status=1)) == {"test_one", "test_two", "test_nearer"}
    assert ran(run(*words, status=1)) == {"test_two"}
    (tmp_path / "wrong").unlink()
    assert ran(run(*words)) == {"test_one", "test_two", "test_nearer"}, "another set of files"
    assert ran(run(*words)) == set()


def test_sigterm_ends_what_a_test_has_begun(run: Run, tmp_path: Path) -> None:
    slow = """
import time
from pathlib import Path
import pytest

@pytest.fixture
def begun():
    yield
    Path("ended").touch()

def test_slow(begun):
    Path("under_way").touch()
    time.sleep(300)
"""
    (tmp_path / "test_it.py").write_text(slow)
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "xdist"]
    with subprocess.Popen(argv, cwd=tmp_path, env=PLAIN, stdout=subprocess.PIPE, text=True) as pytest_run:
        until((tmp_path / "under_way").exists, "the test", pytest_run)
        pytest_run.terminate()
        assert pytest_run.wait(60) == pytest.ExitCode.INTERRUPTED
    assert (tmp_path / "ended").exists()


def test_half_a_line_of_a_note_is_no_test_that_has_passed(run: Run, tmp_path: Path) -> None:
    run("--part", "demo")
    note = tmp_path / ".tox" / "passed" / "demo"
    note.write_text(note.read_text().removesuffix("\n"))
    assert len(ran(run("--part", "demo"))) == 1


def test_a_part_that_has_no_tests_is_no_success(run: Run) -> None:
    run("--part", "fuzz", status=int(pytest.ExitCode.NO_TESTS_COLLECTED))


def test_each_part_is_of_tox_and_the_docs_say_when_to_run_it() -> None:
    words = [sys.executable, "-m", "tox", "config", "-c", str(TOP / "tox.ini"), "-e", ",".join(PARTS), "-k", "commands"]
    listed = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300).stdout
    assert re.findall(r"--part (\S+) ", listed) == list(PARTS)
    _, _, told = (TOP / "docs" / "testing.md").read_text().partition("| part |")
    first_cells = re.findall(r"^\| (`.*?) \|", told, re.MULTILINE)
    assert re.findall(r"`([\w.-]+)`", "".join(first_cells)) == list(PARTS)


def test_each_test_is_of_a_run_that_comes_to_it_and_each_part_has_tests() -> None:
    """A mark that is wrong, or none where only a part looks, would have a test run never."""
    words = [sys.executable, "-m", "tox", "config", "-c", str(TOP / "tox.ini"), "-e", RUNS, "-k", "commands"]
    listed = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300).stdout
    places: dict[str, list[str]] = {}
    for part, named in re.findall(r"--part (\S+) (.*)", listed):
        places.setdefault(part, []).extend(word for word in named.split() if word.startswith("tests/"))
    collected = subprocess.run(
        [sys.executable, "-c", COLLECT], cwd=TOP, capture_output=True, text=True, check=False, timeout=300
    )
    assert collected.returncode == 0, collected.stdout + collected.stderr
    tests = set(re.findall(r"^PART (\S+) (\S+)$", collected.stdout, re.MULTILINE))
    assert len(tests) > 100
    assert {part for part, _ in tests} == {"short", *PARTS}
    assert [(part, path) for part, path in tests if not path.startswith(tuple(places[part]))] == []


def test_the_digest_is_of_names_and_contents_and_not_of_what_python_leaves(tmp_path: Path) -> None:
    (tmp_path / "harness").mkdir()
    file = tmp_path / "harness" / "a.py"
    file.write_text("x")
    first = passed.digest(tmp_path)
    (tmp_path / "harness" / "__pycache__").mkdir()
    (tmp_path / "harness" / "__pycache__" / "a.pyc").touch()
    assert passed.digest(tmp_path) == first
    file.write_text("y")
    second = passed.digest(tmp_path)
    file.rename(tmp_path / "harness" / "b.py")
    assert len({first, second, passed.digest(tmp_path)}) == 3


def test_a_word_that_is_for_nobody_is_told_with_whom_it_may_be_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("it starts"))
    monkeypatch.setattr(signals, "handle", lambda: None)
    assert main(["test", "nope", "--", "-k", "x"]) == main(["test", "nope"]) == 2
    said = "kseries: nope: no option of kseries test\n  --full PART runs a part, and -- nope has pytest take it\n"
    assert capsys.readouterr().err == said * 2
    assert main(["test", "demo"]) == 2
    assert "--full demo runs a part" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "starts"),
    [
        (("--", "-k", "x"), ("pytest", "-k", "x")),
        (("--full", "demo", "e2e", "--", "-k", "x"), ("tox", "run", "-c", INI, "-e", "demo,e2e", "--", "-k", "x")),
        ((), ("tox", "run", "-c", INI)),
    ],
)
def test_words_for_pytest_leave_the_parts_what_they_are(
    typed: tuple[str, ...], starts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(os, "execve", lambda program, words, env: started.extend(words))
    monkeypatch.setattr(signals, "handle", lambda: None)
    monkeypatch.chdir(TOP)
    main(["test", *typed])
    assert started == [sys.executable, "-I", "-m", *starts]
