# SPDX-License-Identifier: GPL-2.0-only
"""What make sees and may write while it builds a stranger's tree: the box of a build (host/box/bwrap.py)."""

from pathlib import Path

from kseries.host import box, checksums, processes
from kseries.host.box.layout import Layout
from kseries.kbuild import names, parsed
from kseries.kbuild.folder import Folder

CCACHE_LOG = "ccache.log"
"""Below a build folder: what ccache has counted."""
_CCACHE_SIZE = "20G"


def of_make(
    folder: Folder,
    shared: Path,
    listed: Path,
    readable: tuple[Path, ...],
    layout: Layout,
    jobs: int,
    *,
    trusted: bool,
    assembler: str,
) -> processes.Box:
    """Where make runs. What trees without patches compile is ``shared`` with all, but nobody else may add to it.

    ``listed`` has the names of a tree's files (names.py), ``readable`` is what else make reads: the tree, the guests.
    Of what another ``assembler`` (compilers.assembler) has made, nothing is taken.
    """
    inside = layout.inside
    way = "" if trusted else "|read-only"
    env = {
        "CCACHE_DIR": str(inside(folder.ccache)),
        "CCACHE_MAXSIZE": _CCACHE_SIZE,
        "CCACHE_REMOTE_STORAGE": f"file://{inside(shared)}{way}",
        # What a compilation read is told by the compiler itself, after the fact: the preprocessor need not
        # run first, which is a third of what a header in wide use costs.
        "CCACHE_DEPEND": "1",
        # Nor is it told by the compiler where it looked first; of what was kept without it, nothing is taken.
        "CCACHE_PREFIX": str(inside(listed / names.COMPILE)),
        # It asks which compiler that is (ccache(1), compiler_check), and not whom the compiler calls.
        "CCACHE_NAMESPACE": checksums.of_words((names.script(), assembler)),
        "CCACHE_STATSLOG": str(inside(folder.obj) / CCACHE_LOG),
        # make's manual, "The Variable MAKEFILES"
        "MAKEFILES": str(inside(listed / names.PARSED)),
        "MAKEFILES_READ": str(inside(folder.obj) / parsed.RECORD),
    }
    return processes.Box(
        writable=(folder.obj, folder.ccache, *((shared,) if trusted else ())),
        readable=(*readable, *(() if trusted else (shared,))),
        layout=layout,
        env={**env, **({"CCACHE_REMOTE_ONLY": "1"} if trusted else {})},
        limits=box.build_limits(jobs),
        tells=True,
    )
