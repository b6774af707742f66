# SPDX-License-Identifier: GPL-2.0-only
"""What is told of a command in a box once it has ended, whatever it kept to itself: printed below its output.

By a bash around it, in the box. kbuild needs bash and awk as well (Documentation/process/changes.rst).
"""

from collections.abc import Sequence

LEFT = "left running: "
"""Before the name of whoever is still there; the kernel then kills them all."""
NETWORK = "reached for a network"
"""Where a connection was tried, or a packet sent: a box counts its own (proc(5), /proc/net/snmp)."""

_COUNTED = "^(ActiveOpens|OutRequests|OutNoRoutes|OutDatagrams)$"
# A line of names, then one of numbers; of IPv6, which sends by itself what its links need, a name to a number.
_COUNT = f"""
/^Udp6OutDatagrams|^Ip6OutNoRoutes/ {{ sum += $2; next }}
!($1 in names) {{ names[$1] = $0; next }}
{{ split(names[$1], name); for (i = 2; i <= NF; i++) if (name[i] ~ /{_COUNTED}/) sum += $i }}
END {{ if (sum) print "{NETWORK}" }}
"""
# 1 is bwrap's; what is dead and not yet gone has no command line.
_SCRIPT = f"""
"$@"; status=$?
{{
	awk '{_COUNT}' /proc/net/snmp /proc/net/snmp6
	for one in /proc/[0-9]*; do
		[ "${{one#/proc/}}" -gt 1 ] && [ "${{one#/proc/}}" != $$ ] || continue
		read -r -d '' name <$one/cmdline && printf '{LEFT}%s\\n' "${{name//[[:cntrl:]]/?}}"
	done
}} 2>/dev/null
exit $status
"""


def around(command: Sequence[str]) -> list[str]:
    """The command line that runs a command, has its exit status, and tells of it."""
    return ["bash", "-c", _SCRIPT, "bash", *command]
