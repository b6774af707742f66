# SPDX-License-Identifier: GPL-2.0-only
"""A series for the tiny kernel that is split as exit-on-missing is: the revert of 3/6 is a silent break."""

from collections.abc import Mapping

from tests.support.conditional import Source, has

CONTRACT = """id = "feature"
title = "It works."
when = "X_FEATURE"
checks = ["capabilities.works"]
"""
# As exit-on-missing: b is the flag, c the annotation, d honours and advertises, e counts and needs b to build.
SPLIT = Source(
    fails={"works": "!C", "stays": "0"},
    caps={"X_FEATURE": "D"},
    errors=(("D && !B", "d needs b"), ("E && !B", "e needs b")),
    needs={"works": "D"},
)
Patches = tuple[tuple[str, Mapping[str, str]], ...]
PATCHES: Patches = (
    ("lib: Report (the) kind", has("a")),
    ("lib: Add a flag", has("b")),
    ("lib: Annotate", has("c")),
    ("lib: Honour the flag", has("d")),
    ("Documentation: Tell of it", {"Documentation/x.rst": "x\n"}),
    ("lib: Count", has("e")),
)
