# SPDX-License-Identifier: GPL-2.0-only
"""How whole targets of kselftest are made and installed: ``make install``, out of tree, from a state's tree.

Of most targets some programs do not build everywhere (net has some that want clang, libnuma, Python's yaml), and make
would then install nothing, not even scripts. So it goes on whatever fails (make's ``-i``): a test whose program is not
there is one that fails, as the runner tells, and the log of the build says why.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kseries.arch import Arch
from kseries.host.box.layout import OWN, Layout
from kseries.probes.targets import PLACE, Target

READ = ""
"""What these may be made of: of their programs few leave a note, and some include what lies anywhere in the tree."""
TOOLS = ("rsync",)
"""What lib.mk installs with."""
_MADE = "kselftest"
"""Below the build folder: where the Makefile of tools/testing/selftests has all (BUILD)."""
INSTALLED = f"{_MADE}/kselftest_install"
"""Likewise, where it installs (KSFT_INSTALL_PATH)."""
_SKIPPED = "SKIP_TARGETS="
"""Else bpf and sched_ext would be left out, whoever asks for them."""


@dataclass(frozen=True)
class Install:
    """Where targets are made: a source tree, the build folder with its headers, and what compiles."""

    arch: Arch
    source: Path
    obj: Path
    jobs: int
    cache: str
    layout: Layout = OWN
    """Where who makes them sees those folders."""
    sysroot: Path | None = None
    """The headers and libraries of the userland that they run in; without, they are linked statically with ours."""

    def makes(self, wanted: Iterable[Target]) -> list[list[str]]:
        """An argv for each step, all for the box; what was there before is gone."""
        names = dict.fromkeys(one.target for one in wanted)
        made = self.obj / _MADE
        emptied = [["rm", "-rf", str(self._inside(made))]] if names or made.exists() else []
        return [*emptied, self._argv(names)] if names else emptied

    def _argv(self, names: Iterable[str]) -> list[str]:
        return [
            "make",
            "--ignore-errors",
            f"-j{self.jobs}",
            f"--directory={self._inside(self.source / PLACE)}",
            f"O={self._inside(self.obj)}",
            f"TARGETS={' '.join(names)}",
            _SKIPPED,
            f"ARCH={self.arch.source}",
            f"CROSS_COMPILE={self.arch.toolchain.prefix}",
            f"CC={self.cache}{self.arch.toolchain.prefix}gcc {' '.join(self._flags())} -s",
            "install",
        ]

    def _flags(self) -> tuple[str, ...]:
        """What has gcc find the userland's headers and libraries, and no others.

        Debian's cross compilers have some of their own, which --sysroot does not move (gcc -v). A state's own headers
        are told by -isystem, and have to be found first.
        """
        if self.sysroot is None:
            return ("-static",)
        root, prefix = self._inside(self.sysroot), self.arch.toolchain.prefix
        if not prefix:
            return (f"--sysroot={root}",)
        libraries, headers = root / "usr/lib" / prefix.rstrip("-"), root / "usr/include"
        return (
            f"--sysroot={root}",
            "-nostdinc",
            f"-isystem $(shell {prefix}gcc -print-file-name=include)",
            f"-idirafter {headers / prefix.rstrip('-')}",
            f"-idirafter {headers}",
            f"-B{libraries}/",
            f"-L{libraries}",
        )

    def _inside(self, path: Path) -> Path:
        return self.layout.inside(path)
