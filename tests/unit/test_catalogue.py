# SPDX-License-Identifier: GPL-2.0-only
"""The catalogue of mutants, the probes, the contracts and the documentation know of the same checks."""

import re

import pytest

from kseries import arch as archs
from kseries.app.setup import known_host_tests
from kseries.cli.test import PARTS
from kseries.host import paths
from kseries.inputs import contracts
from tests.support import catalogue
from tests.support.lab import MUTANTS

_PROBE = re.compile(r'ktap_main\("(?P<probe>\w+)"')
_CHECK = re.compile(r'^\t\{ "(?P<name>\w+)", (?P=name) \},$', re.MULTILINE)
_LISTS = "surface."
"""Of a list only that it is not empty is checked, in one place for all kinds: test_surface.py has that fail."""


def _checks() -> set[str]:
    found: set[str] = set()
    for source in paths.project("guests", "probes").glob("*.c"):
        text = source.read_text()
        probe = _PROBE.search(text)
        assert probe is not None and probe["probe"] == source.stem
        found |= {f"{source.stem}.{check['name']}" for check in _CHECK.finditer(text)}
    return found


def test_every_contract_asks_for_checks_that_there_are() -> None:
    for contract in contracts.ours():
        asked = (*contract.checks, *contract.optional, *contract.otherwise)
        assert len(set(asked)) == len(asked)
        assert set(asked) <= _checks() | _host_tests()


def _host_tests() -> set[str]:
    """The checks that our host-side tests are."""
    texts = {name: file.read_text() for name, file in known_host_tests().items()}
    return {
        f"{name}.{test}" for name, text in texts.items() for test in re.findall(r"^def (test_\w+)", text, re.MULTILINE)
    }


@pytest.mark.parametrize(
    ("feature", "probe"), [("exit-on-missing", "exit_on_missing"), ("kvm-userfault", "kvm_userfault")]
)
def test_every_check_of_a_feature_is_asked_for(feature: str, probe: str) -> None:
    (contract,) = (one for one in contracts.ours() if one.id == feature)
    asked = {*contract.checks, *contract.optional, *contract.otherwise}
    checks = {name for name in _checks() if name.startswith(probe)}
    assert checks and checks <= asked


def test_every_mutant_is_killed_by_a_check_that_there_is() -> None:
    mutants = catalogue.read()
    assert {(*patch.parts[-3:-1], patch.stem) for patch in MUTANTS.glob("*/*/*.patch")} == {*mutants}
    assert {mutant.killed_by for mutant in mutants.values()} <= _checks()
    assert set(catalogue.SAMPLE) <= mutants.keys()


def test_a_set_is_of_a_test_case_and_an_architecture_that_there_are_and_of_a_part_of_full() -> None:
    for case, arch in catalogue.sets():
        assert paths.project("testcases", case).is_dir() and arch in archs.known()
        assert catalogue.part(case, arch) in PARTS


def test_no_check_is_trusted_that_no_mutant_has_to_fail() -> None:
    trusted = {name for name in _checks() if not name.startswith(_LISTS)}
    assert trusted - {mutant.killed_by for mutant in catalogue.read().values()} == set()


def test_the_documentation_has_the_catalogue() -> None:
    assert paths.project("docs", "mutants.md").read_text() == catalogue.page()
