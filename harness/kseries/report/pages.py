# SPDX-License-Identifier: GPL-2.0-only
"""HTML pages that have no script and need nothing else: every value is made fit to show, bounded and escaped."""

import functools
import os
from collections.abc import Callable
from pathlib import Path

import jinja2

from kseries.host import paths
from kseries.model.sanitize import printable, shortened

LIMIT = 1000
"""Characters of any one text that is not ours."""


def page(name: str, **values: object) -> str:
    """A page of reports/ with these values in it."""
    return _environment().get_template(name).render(**values)


def environment(fit: Callable[[object], object]) -> jinja2.Environment:
    """The templates of reports/, in which ``fit`` makes each value fit to show, before it is escaped."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.project("reports")),
        bytecode_cache=_compiled(paths.project("reports", "__pycache__")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=fit,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _compiled(place: Path) -> jinja2.BytecodeCache | None:
    """Where compiled templates lie, as Python keeps compiled modules: beside what they are made of, since who may write
    there may change that, too. None where that is not us.
    """
    try:
        place.mkdir(exist_ok=True)
    except OSError:
        return None
    return jinja2.FileSystemBytecodeCache(str(place)) if os.access(place, os.W_OK) else None


@functools.cache
def _environment() -> jinja2.Environment:
    return environment(lambda value: shortened(printable(value), LIMIT) if isinstance(value, str) else value)
