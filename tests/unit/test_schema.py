# SPDX-License-Identifier: GPL-2.0-only
"""docs/*.schema.json are the schemas of what we write."""

import pytest

from kseries.host import paths
from kseries.report import schema


@pytest.mark.parametrize("name", schema.SCHEMAS)
def test_the_documented_schema_is_that_of_the_records(name: str) -> None:
    documented = paths.project("docs", f"{name}.schema.json").read_text()
    renew = f"python -m kseries.report.schema {name} > docs/{name}.schema.json"
    assert documented == schema.text(name), f"renew it with: {renew}"
