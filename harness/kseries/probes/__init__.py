# SPDX-License-Identifier: GPL-2.0-only
"""What runs in a booted kernel, and the KTAP that it prints."""
