# SPDX-License-Identifier: GPL-2.0-only
"""What somebody brings: a patch, a test case, any file."""

from pathlib import Path

CASE = 'title = "t"\nprobes = []\n[expect]\nbisectable = true\nrevert_safe = true\n'
PATCH = """\
From: A <a@example.com>
Subject: [PATCH] a

---
 a | 1 +
 1 file changed, 1 insertion(+)

diff --git a/a b/a
--- a/a
+++ b/a
@@ -0,0 +1 @@
+a
"""


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
