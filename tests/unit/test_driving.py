# SPDX-License-Identifier: GPL-2.0-only
"""Which host-side tests a run has, and the programs that lie beside them: ours, the user's, and those of TARGET."""

from pathlib import Path

import pytest

from kseries import inputs
from kseries.app import setup
from kseries.app.options import Options
from kseries.model.errors import InputError
from tests.support.brought import PATCH, write

SOURCE = "int main(void) { return 0; }\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def written(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def options(tmp_path: Path, *tests: Path, programs: tuple[Path, ...] = ()) -> Options:
    return Options(out=tmp_path / "out", host_tests=tests, programs=programs, probes=("capabilities",))


def test_a_program_beside_a_test_is_built_and_run_by_nobody(tmp_path: Path) -> None:
    folder = written(tmp_path / "tests", test_a__py="", test_b__py="", waits__c=SOURCE, waits__h="")
    made = setup.setup_of(options(tmp_path, folder / "test_a.py", folder / "test_b.py"))
    assert [one.name for one in made.programs] == ["waits"] and made.programs[0].headers
    assert [one.name for one in made.probes] == ["capabilities"]
    assert [one.name for one in made.conditions.programs] == ["waits"]
    written(folder, waits__c=SOURCE + "\n")
    again = setup.setup_of(options(tmp_path, folder / "test_a.py"))
    assert again.conditions.programs != made.conditions.programs


def test_programs_of_one_name_are_refused(tmp_path: Path) -> None:
    one, other = (written(tmp_path / name, waits__c=SOURCE + name) for name in ("one", "other"))
    written(one, test_a__py=""), written(other, test_b__py="")
    with pytest.raises(InputError, match="two probes are called waits"):
        setup.setup_of(options(tmp_path, one / "test_a.py", other / "test_b.py"))
    with pytest.raises(InputError, match="there is a probe waits already"):
        setup.setup_of(options(tmp_path, one / "test_a.py", programs=(other / "waits.c",)))


def test_a_link_beside_a_test_is_no_program(tmp_path: Path) -> None:
    folder = written(tmp_path / "tests", test_a__py="")
    (folder / "secret.c").symlink_to("/etc/hostname")
    assert setup.setup_of(options(tmp_path, folder / "test_a.py")).programs == ()


def test_ours_are_asked_for_by_name_and_contracts_know_them(tmp_path: Path) -> None:
    made = setup.setup_of(options(tmp_path, Path("missing_page")))
    assert [one.name for one in made.host_tests] == ["missing_page"]
    assert [one.name for one in made.programs] == ["waiting_vcpu"]
    ours = "missing_page.test_nmi"
    asked = [name for one in setup.asked(made, options(tmp_path)) for name in (*one.optional, *one.left_out)]
    assert ours in asked
    plain = setup.setup_of(options(tmp_path))
    asked = [name for one in setup.asked(plain, options(tmp_path)) for name in (*one.optional, *one.left_out)]
    assert asked and ours not in asked
    theirs = written(tmp_path / "tests", test_missing_page__py="")
    with pytest.raises(InputError, match="there is one of ours that is called missing_page"):
        setup.setup_of(options(tmp_path, theirs / "test_missing_page.py"))
    with pytest.raises(InputError, match="no such host-side test: missing\n  there are: missing_page"):
        setup.setup_of(options(tmp_path, Path("missing")))


def test_a_target_brings_tests_of_its_own(tmp_path: Path) -> None:
    top = tmp_path / "series"
    write(top / "0001-a.patch", PATCH)
    written(top / "tests", test_a__py="", helper__py="", waits__c=SOURCE)
    target = inputs.load(str(top))
    assert [path.name for path in target.host_tests] == ["test_a.py"]
    asked = options(tmp_path).of(target)
    assert asked.host_tests == target.host_tests
    (top / "tests" / "waits.h").symlink_to("/etc/hostname")
    with pytest.raises(InputError, match="leads out of"):
        inputs.load(str(top))
