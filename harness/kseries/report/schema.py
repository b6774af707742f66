# SPDX-License-Identifier: GPL-2.0-only
"""The JSON schemas of what we write, made from the records: in docs/ are what this prints.

python -m kseries.report.schema > docs/result.schema.json
python -m kseries.report.schema rebase > docs/rebase.schema.json
python -m kseries.report.schema patchset > docs/patchset.schema.json
"""

import sys

import msgspec

from kseries.model import Document, Record
from kseries.plan.rebase import Rebase
from kseries.report.patchsets import SetDocument

SCHEMAS: dict[str, type[Record]] = {"result": Document, "rebase": Rebase, "patchset": SetDocument}


def text(name: str = "result") -> str:
    """A schema (JSON Schema 2020-12), ready to write to a file."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(SCHEMAS[name])}
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


if __name__ == "__main__":
    print(text(*sys.argv[1:]), end="")
