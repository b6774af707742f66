# SPDX-License-Identifier: GPL-2.0-only
"""Files of host-side tests: what goes with one, and a pytest in its box, where no test needs a guest. No kernel."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from kseries.guest.pytests import About, Message, Pytest
from kseries.model import Check, Status
from kseries.model.errors import InputError
from kseries.probes import hosttests

ABOUT = About(arch="x86_64")
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Put a test and what lies beside it into a folder."""

    def write(text: str, **beside: str) -> Path:
        folder = tmp_path / "tests"
        folder.mkdir(exist_ok=True)
        for name, contents in beside.items():
            (folder / f"{name}.py").write_text(contents)
        file = folder / "test_it.py"
        file.write_text(text)
        (tmp_path / "vmlinux").write_text("symbols")
        return file

    return write


async def told(file: Path, log: str = "") -> dict[str, Check]:
    """What comes of all tests of a file, by the names of their checks."""
    (test,) = hosttests.read([file], ())
    running = await Pytest.start(test, ABOUT, file.parent.parent / "vmlinux")
    found: list[Check] = []
    try:
        async for asked in messages(running):
            if asked.what == "ended":
                found.append(running.ended(asked))
            elif asked.what == "result":
                found.append(running.check(asked))
            await running.answer(asked, caps={"X": 1}, text=log)
    finally:
        await running.end()
    found += running.missing("it was not run")
    assert len({check.id for check in found}) == len(found)
    return {check.id: check for check in found}


async def messages(running: Pytest) -> AsyncIterator[Message]:
    while (asked := await running.next()) is not None:
        yield asked


def statuses(checks: dict[str, Check]) -> dict[str, Status]:
    return {name: check.status for name, check in checks.items()}


async def test_each_test_is_a_check_as_pytest_means_it(write: Write) -> None:
    found = await told(
        write(
            "import pytest, helper\n"
            "def test_passes(): assert helper.ONE == 1\n"
            "def test_fails(): assert helper.ONE == 2\n"
            "def test_skips(): pytest.skip('not today')\n"
            "@pytest.mark.xfail(reason='known')\ndef test_is_expected(): assert 0\n"
            "@pytest.mark.parametrize('n', [1, 'a b'])\ndef test_has_parameters(n): pass\n"
            "@pytest.mark.parametrize('n', ['<', '>'])\ndef test_has_names_alike(n, state):\n"
            " assert n == '<' and state.caps == {'X': 1}\n"
            "class TestIt:\n def test_method(self): pass\n"
            "@pytest.mark.arch('arm64')\ndef test_elsewhere(): assert 0\n"
            "@pytest.mark.needs_userland\ndef test_of_a_shell(): assert 0\n"
            "@pytest.fixture\ndef broken():\n yield\n raise RuntimeError('at the end')\n"
            "def test_teardown(broken): pass\n",
            helper="ONE = 1\n",
        )
    )
    assert statuses(found) == {
        "it.test_passes": Status.PASS,
        "it.test_fails": Status.FAIL,
        "it.test_skips": Status.SKIP,
        "it.test_is_expected": Status.XFAIL,
        "it.test_has_parameters_1_": Status.PASS,
        "it.test_has_parameters_a_b_": Status.PASS,
        "it.test_has_names_alike_": Status.PASS,
        "it.test_has_names_alike_-2": Status.FAIL,
        "it.TestIt_test_method": Status.PASS,
        "it.test_elsewhere": Status.SKIP,
        "it.test_of_a_shell": Status.SKIP,
        "it.test_teardown": Status.FAIL,
    }
    assert "assert 1 == 2\nE    +  where 1 = helper.ONE" in found["it.test_fails"].detail
    assert "at the end" in found["it.test_teardown"].detail
    assert "not today" in found["it.test_skips"].detail


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import nowhere\n", "No module named 'nowhere'"),
        ("def test_a(:\n", "SyntaxError"),
        ("import os\nos._exit(7)\n", "pytest ended: exit status 7"),
        ("x = 1\n", "it has no tests"),
        ("import pytest\n@pytest.mark.nonsense\ndef test_a(): pass\n", "'nonsense' not found in `markers`"),
        ("def test_a(nothing): pass\ndef test_b(:\n", "SyntaxError"),
    ],
)
async def test_a_file_in_which_no_test_can_be_found_is_told(text: str, why: str, write: Write) -> None:
    found = await told(write(text))
    assert statuses(found) == {"it.collected": Status.FAIL}
    assert why in found["it.collected"].detail


@pytest.mark.parametrize(
    ("text", "status", "why"),
    [
        ("import os; os._exit(3)", Status.FAIL, "pytest ended: exit status 3"),
        ("import os; os.kill(os.getpid(), 9)", Status.FAIL, "pytest ended: exit status 137"),
        ("import os; os.kill(os.getppid(), 9)", Status.FAIL, "Operation not permitted"),
        ("import time; time.sleep(100)", Status.FAIL, "no answer after 1 s"),
        ("import sys; sys.stdout.write('x' * 10**8)", Status.PASS, ""),
        ("import os\n while 1: os.write(1, b'x' * 10**6)", Status.FAIL, ""),
        ("import os\n for _ in range(5): os.fork()", Status.PASS, ""),
        ("import os\n os.fork() or nowhere()", Status.PASS, ""),
        ("nowhere()", Status.FAIL, "NameError"),
        ("import socket; socket.create_connection(('192.0.2.1', 80), 1)", Status.FAIL, "Network is unreachable"),
        ("open('/etc/shadow')", Status.FAIL, "No such file"),
        ("import sys; sys.exit(0)", Status.FAIL, "SystemExit"),
    ],
)
async def test_a_hostile_test_costs_itself_alone(text: str, status: Status, why: str, write: Write) -> None:
    marked = "import pytest\n@pytest.mark.timeout(1)\n"
    found = await told(write(f"{marked}def test_bad():\n {text}\ndef test_next(): pass\n"))
    assert statuses(found) == {"it.test_bad": status, "it.test_next": Status.PASS}
    assert why in found["it.test_bad"].detail and len(found["it.test_bad"].detail) < 5000


async def test_one_that_does_not_let_itself_be_stopped_is_killed(write: Write) -> None:
    text = "import pytest, signal, time\n@pytest.mark.timeout(1)\ndef test_bad():\n"
    text += " signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n time.sleep(1000)\ndef test_next(): pass\n"
    found = await told(write(text))
    assert statuses(found) == {"it.test_bad": Status.FAIL, "it.test_next": Status.PASS}
    assert found["it.test_bad"].detail == "no answer, and it did not end: it was killed"


@pytest.mark.parametrize(
    "said",
    [
        "nonsense",
        '{"what":"\\xff"}',
        '{"what":' + "[" * 100_000,
        '{"what":"result","name":"test_it.py::test_next","status":"pass"}',
        '{"what":"begun","name":"test_it.py::test_next","seconds":1e300}',
        '{"what":"collected","names":["x","x","test_it.py::test_bad"]}',
        '{"what":"guest","name":7}',
        '{"what":"ended"}',
    ],
)
async def test_what_a_test_says_in_our_name_is_no_result(said: str, write: Write) -> None:
    text = f"import os\nSAID = {said!r}.encode('latin-1') + b'\\n'\ndef test_bad():\n for fd in range(3, 64):\n"
    text += "  try:\n   for _ in range(3): os.write(fd, SAID)\n"
    text += "  except OSError: pass\n"
    found = await told(write(f"{text} assert 0\ndef test_next(): pass\n"))
    assert statuses(found) == {"it.test_bad": Status.FAIL, "it.test_next": Status.PASS}


async def test_one_that_asks_for_ever_is_killed(write: Write) -> None:
    text = "import pytest\n@pytest.mark.timeout(seconds=1)\ndef test_bad(request):\n"
    text += " control = request.config.pluginmanager.get_plugins()\n"
    text += " control = next(one for one in control if hasattr(one, '_control'))._control\n"
    text += " while 1:\n  try: control.ask('log')\n  except BaseException: pass\ndef test_next(): pass\n"
    found = await told(write(text))
    assert statuses(found) == {"it.test_bad": Status.FAIL, "it.test_next": Status.PASS}


async def test_an_answer_may_be_larger_than_a_socket_and_come_too_late(write: Write) -> None:
    text = "import pytest\n@pytest.mark.timeout(5)\ndef test_a(request):\n"
    text += " control = request.config.pluginmanager.get_plugins()\n"
    text += " control = next(one for one in control if hasattr(one, '_control'))._control\n"
    text += " control.tell('log', number=77)\n"
    text += " assert len(control.ask('log')[0]['text']) == 2**20\n"
    found = await told(write(text), "x" * 2**20)
    assert statuses(found) == {"it.test_a": Status.PASS}


@pytest.mark.parametrize("asked", ["'abc'", "-1", ""])
async def test_a_timeout_that_is_none_is_told(asked: str, write: Write) -> None:
    text = f"import pytest\n@pytest.mark.timeout({asked})\ndef test_bad(): pass\ndef test_next(): pass\n"
    found = await told(write(text))
    assert statuses(found) == {"it.test_bad": Status.FAIL, "it.test_next": Status.PASS}
    assert "wants seconds" in found["it.test_bad"].detail


async def test_of_its_folder_a_test_sees_all_and_of_no_other_anything(write: Write, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("raise RuntimeError('above')\n")
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '--nonsense'\n")
    conftest = "import pytest\n@pytest.fixture\ndef one(): return 1\n"
    found = await told(write("def test_a(one): assert one == 1\n", conftest=conftest))
    assert statuses(found) == {"it.test_a": Status.PASS}


async def test_the_symbols_of_the_kernel_can_be_read_and_nothing_that_lies_beside_them(
    write: Write, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("mine")
    text = f"""
from pathlib import Path
def test_a():
    assert Path({str(tmp_path / "vmlinux")!r}).read_text() == "symbols"
    assert not Path({str(tmp_path / "secret")!r}).exists()
"""
    assert statuses(await told(write(text))) == {"it.test_a": Status.PASS}


# --- files --------------------------------------------------------------------------------------


def test_what_lies_beside_a_test_is_in_its_digest(write: Write, tmp_path: Path) -> None:
    (first,) = hosttests.read([write("def test_a(): pass\n")], ())
    (second,) = hosttests.read([write("def test_a(): pass\n", data="1")], ())
    (third,) = hosttests.read([write("def test_a(): pass\n", data="2")], ())
    assert len({first.digest, second.digest, third.digest}) == 3
    kept = hosttests.keep(third, tmp_path / "kept")
    assert kept.digest == third.digest and (kept.folder / "data.py").read_text() == "2"
    (kept.folder / "data.py").write_text("3")
    with pytest.raises(InputError, match="is not as it was"):
        hosttests.kept(tmp_path / "kept", "it", third.digest)


@pytest.mark.parametrize("name", ["it.py", "test_.py", "test_it.txt", "test_a-b.py"])
def test_a_name_that_is_no_tests_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(InputError, match=r"its name is not test_NAME\.py"):
        hosttests.read([tmp_path / name], ())


def test_what_is_not_there_is_taken_or_is_too_much_is_told(write: Write, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it is no file"):
        hosttests.read([tmp_path / "test_it.py"], ())
    file = write("")
    with pytest.raises(InputError, match="there is a probe it already"):
        hosttests.read([file], ("it",))
    for number in range(1001):
        (file.parent / str(number)).touch()
    with pytest.raises(InputError, match="put it into a folder of its own"):
        hosttests.read([file], ())
