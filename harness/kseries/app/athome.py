# SPDX-License-Identifier: GPL-2.0-only
"""What this host compiles with, though the hosts of a cluster build the kernels of a run.

The tip's tests, clang's look at them and the options of --config auto are made here, once for all states.
"""

from dataclasses import replace

from kseries import kbuild
from kseries.app.options import Options
from kseries.evaluate.setup import Setup


def of(setup: Setup, options: Options) -> Setup:
    """A setup with this host's toolchain. Raises InfraError where there is none.

    Without a cluster it has that already. With one it is asked for here: who compiles nothing at home needs none.
    """
    if options.cluster is None:
        return setup
    return replace(setup, toolchain=kbuild.toolchain(setup.arch, setup.config))
