# SPDX-License-Identifier: GPL-2.0-only
"""Single states of a series, built and booted when somebody asks for them: a person, git bisect, or a journey."""
