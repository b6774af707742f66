# SPDX-License-Identifier: GPL-2.0-only
"""This host: processes and their box, files that a stranger may have placed, disks, paths, locks."""
