# SPDX-License-Identifier: GPL-2.0-only
"""A check run of a commit on GitHub (docs.github.com, "REST API endpoints for check runs")."""
