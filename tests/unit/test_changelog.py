# SPDX-License-Identifier: GPL-2.0-only
"""What counts as saying that two patches belong together, and what does not."""

import pytest

from kseries.judge.changelog import documented, has_note
from kseries.model import AppliedPatch
from kseries.plan.names import symbols
from kseries.sources.hunks import sections

DIFF = b"""\
diff --git a/mm/x.c b/mm/x.c
--- a/mm/x.c
+++ b/mm/x.c
@@ -2 +2,7 @@
+#define X_FLAG_SHINY	4
+struct shiny_thing {
+static inline int shiny_lookup(struct thing *thing, int no)
+	shiny_call_within(thing);
+int old_function(int a)
+	if (strange_condition(a))
+void f(void)
-int old_function(void)
diff --git a/mm/Kconfig b/mm/Kconfig
--- a/mm/Kconfig
+++ b/mm/Kconfig
@@ -1,0 +2 @@
+config HAVE_SHINY
"""
NAMES = ("X_FLAG_SHINY", "shiny_thing", "shiny_lookup", "HAVE_SHINY")


def patch(number: int, subject: str, message: str = "", symbols: tuple[str, ...] = ()) -> AppliedPatch:
    return AppliedPatch(number=number, subject=subject, message=message, tree_before="", tree_after="", symbols=symbols)


def told(promise: str = "", needed: str = "") -> bool:
    return documented(
        patch(4, "mm: Turn shiny on", promise, ("HAVE_SHINY",)),
        patch(3, "mm: Look up shiny\nthings", needed, ("shiny_lookup",)),
        "X_CAP_SHINY",
    )


def test_the_names_that_a_diff_introduces() -> None:
    assert symbols(tuple(sections(DIFF)[0])) == NAMES


@pytest.mark.parametrize(
    "message",
    [
        'Needs "mm: Look up shiny\n things".',
        'Fixes: 0123456789ab ("mm: look up shiny things")',
        "This goes through shiny_lookup().",
        "Depends-on: <id@example.org>",
        "prerequisite-patch-id: 0123",
    ],
)
def test_the_patch_that_promises_says_what_it_needs(message: str) -> None:
    subject = "mm: Look up shiny things"
    needed = patch(3, subject, "", ("shiny_lookup",))
    assert documented(patch(4, "mm: Turn shiny on", f"Words.\n\n{message}\n"), needed, "X_CAP_SHINY")


def test_a_subject_is_found_whatever_blanks_it_has_and_none_is_found_nowhere() -> None:
    promise = patch(4, "mm: Turn shiny on", 'Fixes: 0123456789ab ("mm:  Look up shiny things")')
    assert documented(promise, patch(3, "mm:  Look up\tshiny things"), None)
    assert not documented(promise, patch(3, " "), None)


@pytest.mark.parametrize("message", ["for mm: Turn Shiny on", "what X_CAP_SHINY promises", "see HAVE_SHINY"])
def test_the_patch_that_is_needed_says_what_for(message: str) -> None:
    assert told(needed=message)


@pytest.mark.parametrize(
    "message", ["", "X_CAP_SHINY is told now.", "It needs more.", "my_shiny_lookup()", "the previous patch"]
)
def test_nothing_else_says_it(message: str) -> None:
    assert not told(promise=message)


def test_a_capability_by_a_longer_name_is_another() -> None:
    assert not told(needed="X_CAP_SHINY_2 is something else")


def test_a_note_is_a_trailer_and_no_prose() -> None:
    assert has_note("Words.\n\nDepends-on: x")
    assert not has_note("This depends on x.")
    assert not has_note("Depends-on:\n")
