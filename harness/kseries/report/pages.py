# SPDX-License-Identifier: GPL-2.0-only
"""HTML pages that have no script and need nothing else: every value is made fit to show, bounded and escaped."""

import functools
from collections.abc import Callable

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
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=fit,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@functools.cache
def _environment() -> jinja2.Environment:
    return environment(lambda value: shortened(printable(value), LIMIT) if isinstance(value, str) else value)
