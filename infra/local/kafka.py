"""A Kafka broker of the local stack; each one is a KRaft controller too. `stack.Stack` owns three."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from infra.local import probes
from infra.local.broker_files import broker_properties, format_data, id_from
from infra.local.distribution import Distribution
from infra.local.ports import HOST
from infra.local.service import Service
from infra.local.settings import CONTROLLER_PORTS, KAFKA_PORTS, Ports

TRAINED_NODE = 1
TRAINING_DEADLINE_S = 60.0


class Broker(Service):
    """Broker and controller `node_id` (1, 2 or 3)."""

    def __init__(self, node_id: int, stack_folder: Path, ports: Ports, distribution: Distribution) -> None:
        """Touches nothing yet."""
        super().__init__(f"kafka-{node_id}", stack_folder)
        self.node_id = node_id
        self.port = ports.brokers[node_id - 1]
        self._all_ports = ports
        self._cluster_id = id_from(str(stack_folder))
        self._distribution = distribution
        self._training = self.folder / "training"  # exists while it runs to write a start cache at its end

    @property
    def address(self) -> str:
        """host:port for its clients."""
        return f"{HOST}:{self.port}"

    def answers(self) -> bool:
        """Whether it serves and counts itself among the usable brokers."""
        return self.node_id in probes.brokers_seen_by(self.port)

    def sees(self, node_ids: frozenset[int]) -> bool:
        """Whether it serves and these brokers, no more and no fewer, are usable to it."""
        return probes.brokers_seen_by(self.port) == node_ids

    def has_closed_its_data(self) -> bool:
        """Whether a clean stop has written everything: what is left is a leader waiting 5 s for a successor."""
        return (self.data / ".kafka_cleanshutdown").exists()

    def await_stopped(
        self, deadline_s: float | None = None, *, or_else_kill: Callable[[], bool] = lambda: False
    ) -> None:
        """As every service; the one that trains gets the time to write its start cache."""
        if self._is_training:
            deadline_s, or_else_kill = TRAINING_DEADLINE_S, lambda: False
        super().await_stopped(deadline_s, or_else_kill=or_else_kill)
        self._keep_start_cache()

    def kill(self) -> None:
        """SIGKILL; a start cache that was about to be written is given up."""
        super().kill()
        shutil.rmtree(self._training, ignore_errors=True)

    @property
    def _is_training(self) -> bool:
        return self._training.exists()

    def _ports(self) -> Iterable[tuple[str | None, int]]:
        yield KAFKA_PORTS, self.port
        yield CONTROLLER_PORTS, self._all_ports.controllers[self.node_id - 1]
        if self._all_ports.behind:
            yield None, self._all_ports.behind[self.node_id - 1]

    def _prepare(self) -> list[str]:
        properties = self.folder / "server.properties"
        properties.write_text(broker_properties(self.node_id, self._all_ports, self.data))
        if not (self.data / "meta.properties").exists():
            format_data(self.data, self.node_id, self._cluster_id, self._distribution.first_records)
        temporary = self.folder / "tmp"
        for folder in (temporary, self._training):
            shutil.rmtree(folder, ignore_errors=True)
        temporary.mkdir()
        java = self._distribution.java
        train_to = None
        if self.node_id == TRAINED_NODE and not java.start_cache.exists():
            self._training.mkdir()
            train_to = self._training / "start.aot"
        return java.command("kafka.Kafka", str(properties), temporary=temporary, train_to=train_to)

    def _keep_start_cache(self) -> None:
        trained = self._training / "start.aot"
        if trained.exists():
            self._distribution.java.keep_start_cache(trained)
        shutil.rmtree(self._training, ignore_errors=True)
