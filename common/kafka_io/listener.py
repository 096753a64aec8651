"""What kafka-python tells about rebalances, reduced to one call."""

from __future__ import annotations

from collections.abc import Callable

from kafka import ConsumerRebalanceListener


class Notifies(ConsumerRebalanceListener):
    """R2: listeners run on the client's IO thread, so `on_change` may set a flag and nothing else."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change

    def on_partitions_revoked(self, revoked: object) -> None:
        """Partitions were taken away; the new owner reads what is committed."""
        self._on_change()

    def on_partitions_assigned(self, assigned: object) -> None:
        """A new generation has begun."""
        self._on_change()

    def on_partitions_lost(self, lost: object) -> None:
        """This member was evicted."""
        self._on_change()
