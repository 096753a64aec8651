"""The files a Kafka broker starts from: its properties, and a formatted data folder."""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.local.ports import HOST
from infra.local.settings import Ports

SETTINGS = """\
process.roles=broker,controller
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
# every record on three brokers, acknowledged by at least two
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
auto.create.topics.enable=false
# a dead broker is noticed after 2 s, not 9; the successor of a dead active controller begins to count after 1 to 2 s
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=400
controller.quorum.fetch.timeout.ms=1000
controller.quorum.election.timeout.ms=500
controller.quorum.election.backoff.max.ms=300
group.initial.rebalance.delay.ms=0
# small enough for three on a laptop
offsets.topic.num.partitions=3
transaction.state.log.num.partitions=3
share.coordinator.state.topic.num.partitions=3
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=2097152
log.index.size.max.bytes=1048576
"""


def id_from(seed: str) -> str:
    """The same id for the same seed, as Kafka writes ids: 16 bytes, base64 for addresses, no padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(seed.encode()).digest()[:16]).decode().rstrip("=")


def broker_properties(node_id: int, ports: Ports, data: Path) -> str:
    """The configuration file of broker `node_id` (1, 2 or 3).

    With proxied ports it has a second listener for clients: whoever bootstraps through a proxy is told of proxies
    only, while the brokers find each other without them.
    """
    index = node_id - 1
    listeners = {"BROKER": ports.brokers[index], "CONTROLLER": ports.controllers[index]}
    advertised = {"BROKER": ports.brokers[index]}
    if ports.proxied:
        listeners["PROXIED"] = ports.behind[index]
        advertised["PROXIED"] = ports.proxied[index]
    voters = ",".join(f"{node}@{HOST}:{port}" for node, port in enumerate(ports.controllers, start=1))
    return (
        f"node.id={node_id}\nlog.dirs={data}\n"
        f"listener.security.protocol.map={','.join(f'{name}:PLAINTEXT' for name in listeners)}\n"
        f"listeners={_addresses(listeners)}\nadvertised.listeners={_addresses(advertised)}\n"
        f"controller.quorum.voters={voters}\n{SETTINGS}"
    )


def _addresses(listeners: Mapping[str, int]) -> str:
    return ",".join(f"{name}://{HOST}:{port}" for name, port in listeners.items())


def format_data(data: Path, node_id: int, cluster_id: str, first_records: Path) -> None:
    """What `StorageTool format` does to `data`; `first_records` is the file that is the same for every node."""
    shutil.copyfile(first_records, data / "bootstrap.checkpoint")
    part = data / "meta.properties.part"
    part.write_text(
        f"version=1\ncluster.id={cluster_id}\nnode.id={node_id}\ndirectory.id={id_from(str(data))}\n"
    )
    part.replace(data / "meta.properties")  # last: with it the folder counts as formatted
