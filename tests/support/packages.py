# SPDX-License-Identifier: GPL-2.0-only
"""A package as pip leaves it in a folder: a module, and what it declares of itself."""

from pathlib import Path

from kseries.publish import registry


def install(site: Path, module: str, code: str, reporter: str, value: str) -> Path:
    """Its metadata, in which ``reporter`` is ``value``."""
    info = site / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{module}.py").write_text(code)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{reporter} = {value}\n")
    return info
