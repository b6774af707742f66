# SPDX-License-Identifier: GPL-2.0-only
"""A warning that a patch brings is told of that patch, although an incremental build shows it only once."""

import dataclasses
import difflib
from itertools import pairwise

import msgspec
import pytest

from kseries.model import FindingKind, Patch, Probe, Series
from tests.support.lab import Lab
from tests.support.told import lines

pytestmark = pytest.mark.full("guest")

_FILE = "virt/kvm/kvm_main.c"
_HARMLESS = "/* a comment, so that all lines move */"


def _unused(name: str) -> str:
    """A function with a variable that the compiler warns of."""
    return f"int kseries_{name}(void);\nint kseries_{name}(void)\n{{\n\tint {name};\n\n\treturn 0;\n}}"


def _warning(name: str) -> str:
    return f"{_FILE}: unused variable '{name}' [-Wunused-variable]"


def _diffs(source: str, *additions: tuple[str, ...]) -> list[bytes]:
    """Diffs from each list of pieces, put below the file's first line, to the next; the first is from none at all."""
    first, rest = source.split("\n", 1)
    texts = [source, *("\n".join([first, *pieces, rest]) for pieces in additions)]
    return [
        "".join(
            difflib.unified_diff(
                before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{_FILE}", f"b/{_FILE}"
            )
        ).encode()
        for before, after in pairwise(texts)
    ]


@pytest.fixture
def series(lab: Lab) -> tuple[bytes, Series]:
    """A patch for base, whose kernel then warns, and a series upon it."""
    source = lab.trees.file(lab.base.tree, _FILE)
    assert source is not None
    old, first, other = _unused("old"), _unused("first"), _unused("other")
    of_base, *diffs = _diffs(source.decode(), (old,), (_HARMLESS, old), (_HARMLESS, first, old), (other, old))
    patches = tuple(
        Patch(number=number, subject=f"KVM: Patch {number}", origin=f"{number}.patch", diff=diff)
        for number, diff in enumerate(diffs, 1)
    )
    return of_base, Series(name="warnings", version=1, patches=patches)


def test_a_new_warning_is_told_of_its_patch_and_so_is_one_that_takes_its_place_and_none_of_base(
    lab: Lab, series: tuple[bytes, Series]
) -> None:
    of_base, patches = series
    base = msgspec.structs.replace(lab.base, tree=lab.trees.apply(lab.base.tree, of_base))
    quick = dataclasses.replace(lab.setup, probes=(Probe.ours("capabilities"),))
    for _ in range(2):  # the second time nothing is compiled, and the compiler says nothing
        lab.forget()
        states, findings = lab.run(patches, ("prefixes",), base, quick)
        assert _warning("old") in states["base"].warnings
        assert states["prefix-1"].warnings == states["base"].warnings
        assert [(one.kind, one.state, one.patch, lines(one.evidence)) for one in findings] == [
            (FindingKind.NEW_WARNING, "prefix-2", 2, (_warning("first"),)),
            (FindingKind.NEW_WARNING, "prefix-3", 3, (_warning("other"),)),
        ]
        assert {one.linked for one in states.values()} == {states["base"].linked} != {""}
