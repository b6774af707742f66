# SPDX-License-Identifier: GPL-2.0-only
"""Jobs evaluated on the hosts of a Dask cluster. It needs the extra ``cluster``: ask extras.require() first."""
