# SPDX-License-Identifier: GPL-2.0-only
"""Paths in what make and compilers have said, for others: where a host keeps its kernels is nobody's business."""

import re

_WORD = re.compile(r"""[^\s'"`:=,;()<>|\[\]]+""")
"""What a path does not go beyond; it may have an option right before it, as in -I/usr/include."""
_WORKERS = re.compile(r"([^/]*)/(?:.*/)?workers/[0-9]+/([^/]+)(?:/(.*))?")
"""What a worker has (kbuild/worker.py), below a cache wherever that is: the source, and a folder for each build."""
_HOME = re.compile(r"/home/[^/]+")
_SOURCE = "source"


def elsewhere(text: str) -> str:
    """The text with a file of the source named from its top, what was built as ``build/vmlinux``, and any other home
    folder as ``~``.
    """
    return _WORD.sub(lambda word: _HOME.sub("~", _below_worker(word[0])), text)


def _below_worker(path: str) -> str:
    found = _WORKERS.fullmatch(path)
    if found is None:
        return path
    before, folder, rest = found.groups(default="")
    if folder == _SOURCE:
        return f"{before}{rest or _SOURCE}"
    return f"{before}build{rest and f'/{rest}'}"
