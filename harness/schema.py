# SPDX-License-Identifier: GPL-2.0-only
"""The JSON schema of result.json, made from the records; docs/result.schema.json is what this prints.

python -m harness.schema > docs/result.schema.json
"""

import msgspec

from harness.model import RunResult


def text() -> str:
    """The schema (JSON Schema 2020-12), ready to write to a file."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(RunResult)}
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


if __name__ == "__main__":
    print(text(), end="")
