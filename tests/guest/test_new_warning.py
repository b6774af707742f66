# SPDX-License-Identifier: GPL-2.0-only
"""A warning that a patch brings is told of that patch, although an incremental build shows it only once."""

import msgspec

from harness.model import FindingKind, Patch
from tests.guest.lab import Lab

_UNUSED = b"""\
--- a/lib/argv_split.c
+++ b/lib/argv_split.c
@@ -1,2 +1,3 @@
 // SPDX-License-Identifier: GPL-2.0
+static int kseries_never_called(void) { return 0; }
 /*
"""


def test_an_unused_function_is_a_finding_of_its_patch(lab: Lab) -> None:
    patch = Patch(number=1, subject="lib: Add a function", origin="0001-warn.patch", diff=_UNUSED)
    series = msgspec.structs.replace(lab.series, patches=(patch,))
    for _ in range(2):  # the second time nothing is compiled, and the compiler says nothing
        base, tip, findings = lab.tip(series)
        assert base.warnings_new == ()
        (warning,) = tip.warnings_new
        assert warning.startswith("lib/argv_split.c: ") and "kseries_never_called" in warning
        assert [(one.kind, one.patch, one.evidence) for one in findings] == [(FindingKind.NEW_WARNING, 1, (warning,))]
        lab.forget()
