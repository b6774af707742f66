# SPDX-License-Identifier: GPL-2.0-only
"""What tests/faults/test_signals.py cannot aim at: a signal between two steps."""

import signal

import pytest

from kseries.host import signals


def test_a_signal_in_the_last_step_of_a_loop_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as the first one, after which no other does: who went on would not end before all is done."""
    monkeypatch.setattr(signals, "_told", False)

    async def main() -> int:
        signals._heard(signal.SIGTERM, None)
        return 1

    with pytest.raises(KeyboardInterrupt):
        signals.run(main())
