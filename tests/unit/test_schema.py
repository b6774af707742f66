# SPDX-License-Identifier: GPL-2.0-only
"""docs/result.schema.json is the schema of what we write."""

from harness import resources, schema


def test_the_documented_schema_is_that_of_the_records() -> None:
    documented = resources.project("docs", "result.schema.json").read_text()
    assert documented == schema.text(), "renew it with: python -m harness.schema > docs/result.schema.json"
