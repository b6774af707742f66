# SPDX-License-Identifier: GPL-2.0-only
"""kseries as a user types it, with all patience cut short: no wait for a program takes more than a few seconds."""

import importlib
import pkgutil
import re
import sys
from types import ModuleType

import msgspec

import kseries
from kseries import cli
from kseries.cli import machine
from kseries.model import Machine

SECONDS = 10.0
"""More than the tiny kernel takes to be built beside other tests."""
_LIMIT = re.compile(r"(?!MOST_)_?([A-Z]+_)*SECONDS")


def modules() -> list[ModuleType]:
    names = (module.name for module in pkgutil.walk_packages(kseries.__path__, "kseries."))
    return [importlib.import_module(name) for name in names if not name.endswith("__main__")]


def hurried(one: Machine) -> Machine:
    """A machine whose deadlines are all as short."""
    names = (name for name in Machine.__struct_fields__ if name.endswith("_seconds"))
    cut = {name: min(getattr(one, name), type(getattr(one, name))(SECONDS)) for name in names}
    return msgspec.structs.replace(one, **cut)


def main() -> None:
    """Run the command that the arguments are."""
    for module in modules():
        for name, value in vars(module).items():
            if _LIMIT.fullmatch(name) and isinstance(value, (int, float)):
                setattr(module, name, min(value, SECONDS))
    made = machine.of
    machine.of = lambda args: hurried(made(args))
    sys.exit(cli.main())


if __name__ == "__main__":
    main()
