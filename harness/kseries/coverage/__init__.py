# SPDX-License-Identifier: GPL-2.0-only
"""What of a series ran while the probes ran: its changed functions and lines, found again in the tip's kernel."""
