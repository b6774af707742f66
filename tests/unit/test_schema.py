# SPDX-License-Identifier: GPL-2.0-only
"""docs/*.schema.json are the schemas of what we write."""

import pytest

from harness import resources, schema


@pytest.mark.parametrize("name", schema.SCHEMAS)
def test_the_documented_schema_is_that_of_the_records(name: str) -> None:
    documented = resources.project("docs", f"{name}.schema.json").read_text()
    renew = f"python -m harness.schema {name} > docs/{name}.schema.json"
    assert documented == schema.text(name), f"renew it with: {renew}"
