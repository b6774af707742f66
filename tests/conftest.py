# SPDX-License-Identifier: GPL-2.0-only
"""What holds for all tests."""

import signal

# A shell has what it starts in the background ignore Ctrl-C, and so would all that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
