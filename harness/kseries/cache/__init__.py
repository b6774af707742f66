# SPDX-License-Identifier: GPL-2.0-only
"""What is kept from run to run: results, runs, files that tell whether they are whole, and what gc removes."""
