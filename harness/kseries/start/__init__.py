# SPDX-License-Identifier: GPL-2.0-only
"""How kseries begins: a folder that Python is given as its program, and the command of an installed kseries.

Nothing else may lie here: as the folder is the program, its files are the first ones that Python would import.
"""
