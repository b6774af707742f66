# SPDX-License-Identifier: GPL-2.0-only
#
# Every make of a build reads this first (MAKEFILES in its environment), and
# adds to $(MAKEFILES_READ) what it has read, its own included files and all:
# once it has, it tries to make what it was to include and is not there. That
# stays so, and no make begins anew for it.
# A line for each, so that two makes write none into one another. Who looks for
# the first of what was read does not find this.

-include $(MAKEFILES_READ).never
$(MAKEFILES_READ).never: ; $(foreach one,$(MAKEFILE_LIST),$(file >>$(MAKEFILES_READ),$(if $(filter /%,$(one)),,$(CURDIR)/)$(one)))
MAKEFILE_LIST :=
