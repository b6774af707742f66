# SPDX-License-Identifier: GPL-2.0-only
"""Whose tree files are in, as MAINTAINERS tells it; where two are named as well, none is."""

import pytest

from kseries.coverage import maintainers

TEXT = """\
A
T:\tgit git://x/a.git
F:\tboth/*
F:\ta/of/it/

B
T:\tgit git://x/b.git
F:\tboth/*
F:\tb/of/it/
F:\tboth/closer/

C OF A
T:\tgit git://x/a.git
F:\ta/of/it/
"""


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["a/of/it/x.c"], ("git://x/a.git",)),
        (["both/x.c"], ()),
        (["both/closer/x.c"], ("git://x/b.git",)),
        (["a/of/it/x.c", "b/of/it/x.c"], ()),
        (["a/of/it/x.c", "b/of/it/x.c", "b/of/it/y.c"], ("git://x/b.git",)),
        (["nobodys.c"], ()),
    ],
)
def test_the_tree_that_is_named_best_is_taken_and_none_of_two(paths: list[str], found: tuple[str, ...]) -> None:
    assert maintainers.trees(TEXT, paths) == found
