"""A Kafka broker of one node and one group that does as it is told: assignments, offsets, answers held back.

It speaks the real protocol to the real kafka-python, which no test can make a real broker do.

    with FakeBroker() as broker:
        broker.assign({0, 1})               # to whoever joins next
        broker.committed[0] = (10, "…")
        broker.offset_fetches.clear()       # hold the answers about committed offsets …
        broker.offset_fetches.set()         # … and let them go
        broker.rebalance()                  # members learn that they have to join again
        broker.known = {0}                  # metadata name these partitions alone
"""

from __future__ import annotations

import socket
import struct
import threading
import uuid
from types import TracebackType
from typing import Any, Self

import kafka.protocol.consumer as consumer
import kafka.protocol.metadata as metadata
from kafka.protocol.broker_version_data import BrokerVersionData
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment

TOPIC = "events"
HOST = "127.0.0.1"
LONGEST_FETCH_S = 0.05
REQUESTS = {
    request.API_KEY: request
    for module in (consumer, metadata)
    for name, request in vars(module).items()
    if name.endswith("Request") and hasattr(request, "API_KEY")
}


class FakeBroker:
    """Topic TOPIC, without messages; `committed` maps partition → (offset, metadata)."""

    def __init__(self, partitions: int = 2) -> None:
        self.topic_id = uuid.uuid4()
        self.committed: dict[int, tuple[int, str]] = {}
        self.offset_fetches = threading.Event()
        self.offset_fetches.set()
        self.generation = 0
        self.known = set(range(partitions))
        self._assigned: set[int] = set()
        self._must_rejoin = False
        self._versions = BrokerVersionData((4, 1)).api_versions
        self._listener = socket.create_server((HOST, 0))
        self._connections: list[socket.socket] = []

    @property
    def address(self) -> str:
        """host:port."""
        return f"{HOST}:{self._listener.getsockname()[1]}"

    def assign(self, partitions: set[int]) -> None:
        """What the member gets when it joins next."""
        self._assigned = partitions

    def rebalance(self) -> None:
        """Tell the member to join again."""
        self._must_rejoin = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.offset_fetches.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while True:
                (length,) = struct.unpack(">i", _read(connection, 4))
                connection.sendall(self._answer(_read(connection, length)))
        except (EOFError, OSError):
            connection.close()

    def _answer(self, raw: bytes) -> bytes:
        key, version, correlation_id = struct.unpack(">hhi", raw[:8])
        request = REQUESTS[key]
        name = request.__name__.removesuffix("Request")
        decoded = None if name == "ApiVersions" else request.decode(raw, version=version, header=True)
        response = getattr(self, f"_{name}")(decoded, version)
        response._header = None
        response.API_VERSION = min(version, type(response).max_version)
        response.with_header(correlation_id=correlation_id)
        answer: bytes = response.encode(header=True, framed=True)
        return answer

    def _ApiVersions(self, request: Any, version: int) -> Any:
        kind = metadata.ApiVersionsResponse
        keys = [
            kind.ApiVersion(api_key=key, min_version=span[0], max_version=span[1])
            for key, span in self._versions.items()
        ]
        return kind(version=version, error_code=0, throttle_time_ms=0, api_keys=keys)

    def _Metadata(self, request: Any, version: int) -> Any:
        kind = metadata.MetadataResponse
        topic = kind.MetadataResponseTopic
        partitions = [
            topic.MetadataResponsePartition(
                error_code=0,
                partition_index=number,
                leader_id=0,
                leader_epoch=0,
                replica_nodes=[0],
                isr_nodes=[0],
                offline_replicas=[],
            )
            for number in sorted(self.known)
        ]
        host, port = self.address.split(":")
        return kind(
            version=version,
            throttle_time_ms=0,
            cluster_id="fake",
            controller_id=0,
            brokers=[kind.MetadataResponseBroker(node_id=0, host=host, port=int(port), rack=None)],
            topics=[
                topic(
                    error_code=0,
                    name=TOPIC,
                    topic_id=self.topic_id,
                    is_internal=False,
                    partitions=partitions,
                )
            ],
        )

    def _FindCoordinator(self, request: Any, version: int) -> Any:
        kind = metadata.FindCoordinatorResponse
        host, port = self.address.split(":")
        here = {
            "node_id": 0,
            "host": host,
            "port": int(port),
            "error_code": 0,
            "error_message": None,
        }
        keys = list(request.coordinator_keys or []) or [request.key]
        coordinators = [kind.Coordinator(key=key, **here) for key in keys]
        return kind(version=version, throttle_time_ms=0, coordinators=coordinators, **here)

    def _JoinGroup(self, request: Any, version: int) -> Any:
        self.generation += 1
        self._must_rejoin = False
        return consumer.JoinGroupResponse(
            version=version,
            throttle_time_ms=0,
            error_code=0,
            generation_id=self.generation,
            protocol_type="consumer",
            protocol_name="range",
            leader="another",
            skip_assignment=False,
            member_id=request.member_id or "member",
            members=[],
        )

    def _SyncGroup(self, request: Any, version: int) -> Any:
        kind = ConsumerProtocolAssignment
        mine = sorted(self._assigned)
        topics = [kind.TopicPartition(topic=TOPIC, partitions=mine)] if mine else []
        assignment = kind(version=1, assigned_partitions=topics, user_data=None).encode()
        return consumer.SyncGroupResponse(
            version=version,
            throttle_time_ms=0,
            error_code=0,
            protocol_type="consumer",
            protocol_name="range",
            assignment=assignment,
        )

    def _Heartbeat(self, request: Any, version: int) -> Any:
        rebalance_in_progress = 27
        return consumer.HeartbeatResponse(
            version=version, throttle_time_ms=0, error_code=rebalance_in_progress if self._must_rejoin else 0
        )

    def _LeaveGroup(self, request: Any, version: int) -> Any:
        return consumer.LeaveGroupResponse(version=version, throttle_time_ms=0, error_code=0, members=[])

    def _OffsetFetch(self, request: Any, version: int) -> Any:
        group = request.groups[0]
        kind = consumer.OffsetFetchResponse.OffsetFetchResponseGroup
        topic = kind.OffsetFetchResponseTopics
        asked = sorted(number for each in group.topics for number in each.partition_indexes)
        now = {number: self.committed.get(number, (-1, "")) for number in asked}
        self.offset_fetches.wait()
        partitions = [
            topic.OffsetFetchResponsePartitions(
                partition_index=number,
                committed_offset=offset,
                committed_leader_epoch=-1,
                metadata=said,
                error_code=0,
            )
            for number, (offset, said) in now.items()
        ]
        answer = kind(
            group_id=group.group_id, error_code=0, topics=[topic(name=TOPIC, partitions=partitions)]
        )
        return consumer.OffsetFetchResponse(version=version, throttle_time_ms=0, groups=[answer])

    def _ListOffsets(self, request: Any, version: int) -> Any:
        kind = consumer.ListOffsetsResponse
        topic = kind.ListOffsetsTopicResponse
        topics = [
            topic(
                name=each.name,
                partitions=[
                    topic.ListOffsetsPartitionResponse(
                        partition_index=partition.partition_index,
                        error_code=0,
                        timestamp=-1,
                        offset=0,
                        leader_epoch=0,
                    )
                    for partition in each.partitions
                ],
            )
            for each in request.topics
        ]
        return kind(version=version, throttle_time_ms=0, topics=topics)

    def _Fetch(self, request: Any, version: int) -> Any:
        kind = consumer.FetchResponse
        topic = kind.FetchableTopicResponse
        threading.Event().wait(min(request.max_wait_ms / 1000, LONGEST_FETCH_S))
        responses = [
            topic(
                topic=each.topic,
                topic_id=None,
                partitions=[
                    topic.PartitionData(
                        partition_index=partition.partition,
                        error_code=0,
                        high_watermark=partition.fetch_offset,
                        last_stable_offset=partition.fetch_offset,
                        log_start_offset=0,
                        aborted_transactions=None,
                        preferred_read_replica=-1,
                        records=b"",
                    )
                    for partition in each.partitions
                ],
            )
            for each in request.topics
        ]
        return kind(version=version, throttle_time_ms=0, error_code=0, session_id=0, responses=responses)


def _read(connection: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        more = connection.recv(count - len(read))
        if not more:
            raise EOFError
        read += more
    return read
