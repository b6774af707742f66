# SPDX-License-Identifier: GPL-2.0-only
"""What a series costs in three ways: a clean build per state, one tree with ccache and virtme-ng, and kseries.

.venv/bin/python -m benchmarks.peers DIR [--only split|queue] [--way clean|one-tree|kseries|boot] [--rounds N]
.venv/bin/python -m benchmarks.peers DIR --show

docs/against-peers.md says what is measured, and how. As root, since CPU seconds are those of a cgroup. DIR holds all
that it makes, some 25 GB. What was measured is kept, and a second start goes on with what is missing.
"""
