# SPDX-License-Identifier: GPL-2.0-only
"""A place where series are posted, watched: what comes is queued, judged by runs of kseries, and shown on a page."""
