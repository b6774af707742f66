# SPDX-License-Identifier: GPL-2.0-only
"""Configurations under which a tree built twice is two kernels: nothing that a build makes tells two trees apart then.

The list is that of the kernel's Documentation/kbuild/reproducible-builds.rst, and of what runs in no fixed order.
"""

import re

_ALWAYS = {
    "CONFIG_DEBUG_INFO_BTF": "y",  # pahole's threads (scripts/Makefile.btf: -j)
    "CONFIG_RANDSTRUCT_FULL": "y",  # scripts/gen-randstruct-seed.sh
    "CONFIG_RANDSTRUCT_PERFORMANCE": "y",
    "CONFIG_GCC_PLUGIN_RANDSTRUCT": "y",  # before 6.1
    "CONFIG_GCC_PLUGIN_LATENT_ENTROPY": "y",
}
_SIGNED = ("CONFIG_MODULE_SIG", "CONFIG_IMA_APPRAISE_MODSIG")
_KEY, _GENERATED = "CONFIG_MODULE_SIG_KEY", '"certs/signing_key.pem"'
"""A key that certs/Makefile makes where it was not given one."""
_HEADERS = "CONFIG_IKHEADERS"
_SET = re.compile(r"^(CONFIG_\w+)=(.*)$", re.MULTILINE)


def culprits(config: str) -> tuple[str, ...]:
    """The options of a .config that make each build another kernel."""
    options = dict(_SET.findall(config))
    found = [name for name, value in _ALWAYS.items() if options.get(name) == value]
    if options.get(_KEY) == _GENERATED:
        found += [name for name in _SIGNED if options.get(name) == "y"]
    return tuple(found)


def holds_headers(config: str) -> bool:
    """True where the kernel holds its own headers (kernel/gen_kheaders.sh), of which no note is made."""
    return dict(_SET.findall(config)).get(_HEADERS) in ("y", "m")
