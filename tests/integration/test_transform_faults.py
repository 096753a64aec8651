"""Transforms on real brokers, as processes: whatever dies, freezes or goes away, each message counts once."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator

import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, TransactionState
from kafka.structs import OffsetAndMetadata

from infra.local.ports import HOST
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.kafka_frames import Api
from tests.support.kafka_proxy import KafkaProxy
from tests.support.proof import java_hash
from tests.support.rated import Rated
from tests.support.sink_process import SinkProcess
from tests.support.stages import Stages

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def ratings(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Stages]:
    with Stages(stack, request.node.name, "ratings", PARK_RETRY_S="1") as stages:
        yield stages


@pytest.fixture
def rated(ratings: Stages) -> Rated:
    return Rated(ratings)


@pytest.fixture
def proxy(stack: Stack) -> Iterator[KafkaProxy]:
    with KafkaProxy(stack) as proxy:
        yield proxy


def open_transactions(stages: Stages) -> list[str]:
    """Ids of the transform's transactions that are open now."""
    found = [each for listed in stages.admin.list_transactions().values() for each in listed]
    names = [each.transactional_id for each in found if each.state is TransactionState.ONGOING]
    return [name for name in names if name.startswith(f"{stages.group}-")]


def begun(stages: Stages, proxy: KafkaProxy) -> SinkProcess:
    """A worker behind the proxy that has committed where it begins."""
    worker = stages.start("transform", BOOTSTRAP_SERVERS=proxy.bootstrap_servers)
    assert wait_until(lambda: len(stages.committed("dominate")) == 3, 30), worker.log_text()
    return worker


def test_a_worker_that_is_killed_before_its_commit_has_made_nothing(ratings, rated, proxy):
    worker = begun(ratings, proxy)
    late = proxy.delay(Api.END_TXN, ratings.group.encode())
    rated.send(1_000)
    late.await_fired()
    assert len(open_transactions(ratings)) == 1
    assert rated.outputs() == {}
    worker.kill()
    successor = ratings.start("transform", wait=False)
    assert wait_until(lambda: successor.has_said("started"), 30), successor.log_text()
    assert len(open_transactions(ratings)) == 1  # I1: it has not waited for that to be over
    rated.send(200)
    ratings.await_done("dominate")
    late.release()  # what the dead one sent last arrives now
    assert late.error != 0
    rated.send(200)
    rated.check()


def test_a_worker_that_is_killed_after_its_commit_has_made_everything(ratings, rated, proxy):
    worker = begun(ratings, proxy)
    unheard = proxy.stall(Api.END_TXN, ratings.group.encode())
    rated.send(1_000)
    unheard.await_fired()
    worker.kill()
    assert unheard.error == 0
    assert wait_until(lambda: open_transactions(ratings) == [], 10)
    assert wait_until(
        lambda: ratings.messages_read("dominate") > 0, 10
    )  # offsets show when all partitions know
    done = ratings.messages_read("dominate")
    assert len(rated.outputs()) + len(rated.letters()) == done
    ratings.start("transform")
    rated.send(200)
    rated.check()


def test_a_worker_that_is_frozen_past_its_session_in_mid_transaction_is_fenced(ratings, rated, proxy):
    frozen = begun(ratings, proxy)
    late = proxy.delay(Api.END_TXN, ratings.group.encode())
    with rated.load():
        late.await_fired()
        frozen.freeze()
        ratings.start("transform")  # gets the partitions once the session is over
        rated.await_outputs(1_000, 60)
        frozen.thaw()
        late.release()
        assert late.error != 0
        rated.await_outputs(1_000)
    assert wait_until(lambda: frozen.has_said("reading what is committed again"), 30), frozen.log_text()
    rated.check()
    assert all(process.is_running for process in ratings.processes)


def test_a_broker_that_coordinates_a_transaction_is_lost_in_the_middle_of_it(stack, ratings, rated, proxy):
    worker = begun(ratings, proxy)
    late = proxy.delay(Api.END_TXN, ratings.group.encode())
    with rated.load():
        late.await_fired()
        (name,) = open_transactions(ratings)
        broker = stack.broker(coordinator_of(ratings, name))
        broker.kill()
        try:
            proxy.pass_on()
            rated.await_outputs(1_000, 60)
        finally:
            broker.start()
    rated.check()
    assert worker.is_running


def coordinator_of(stages: Stages, transactional_id: str) -> int:
    """The broker that coordinates the transactions of an id now."""
    (described,) = stages.admin.describe_topics(["__transaction_state"])
    number = abs(java_hash(transactional_id)) % len(described["partitions"])
    return int(next(p["leader_id"] for p in described["partitions"] if p["partition_index"] == number))


def test_workers_that_come_and_go_under_load_share_the_work(ratings, rated):
    with rated.load():
        first = ratings.start("transform")
        rated.await_outputs(400)
        ratings.start("transform")
        third = ratings.start("transform")
        rated.await_outputs(400)
        assert third.stop() == 0
        rated.await_outputs(400)
        first.kill()
        rated.await_outputs(400, 60)
    rated.check()


def test_a_worker_waits_at_its_start_for_brokers_that_are_away(stack, ratings, rated):
    rated.send(500)
    proxy = KafkaProxy(stack)
    with socket.create_server((HOST, min(stack.proxied_ports))) as nobody:
        worker = ratings.start("transform", wait=False, BOOTSTRAP_SERVERS=proxy.bootstrap_servers)
        for _ in range(3):
            nobody.accept()[0].close()  # it comes back
    with proxy:
        rated.check()
        assert worker.is_running


def delete_offsets(stages: Stages, topic: str) -> None:
    tps = [TopicPartition(stages.prefix + topic, number) for number in range(3)]
    found = stages.admin.delete_group_offsets(stages.group, tps)
    assert all(getattr(error, "errno", 0) == 0 for error in found.values()), found


def test_r7_a_group_that_has_lost_its_offsets_repeats_nothing(ratings, rated):
    worker = ratings.start("transform")
    rated.send(1_000)
    rated.check()
    before = ratings.ends("shadow")
    worker.stop()
    delete_offsets(ratings, "dominate")
    ratings.start("transform")
    ratings.await_parked("dominate", "holds outputs of it, but group")
    ratings.await_parked("dominate", f"{ratings.group} has committed nothing here")
    assert ratings.ends("shadow") == before
    assert ratings.committed("dominate") == {}
    delete(ratings, "shadow", "dominate.dead")  # what the reason tells to do
    ratings.make_topics()
    rated.send(200)
    rated.check()


@pytest.mark.parametrize(
    ("metadata", "reason"), [("", "carries no metadata"), ("a tool", "carries foreign metadata")]
)
def test_r7_offsets_that_a_tool_has_set_park_the_source_until_they_are_set_back(
    ratings, rated, metadata, reason
):
    worker = ratings.start("transform")
    rated.send(1_000)
    rated.check()
    worker.stop()
    at = TopicPartition(ratings.prefix + "dominate", 1)
    right = ratings.admin.list_group_offsets(ratings.group)[ratings.group][at]
    ratings.admin.alter_group_offsets(ratings.group, {at: OffsetAndMetadata(0, metadata, -1)})
    worker = ratings.start("transform")
    ratings.await_parked("dominate", reason)
    before = ratings.ends("shadow")
    worker.stop()
    assert ratings.ends("shadow") == before
    ratings.admin.alter_group_offsets(ratings.group, {at: right})
    ratings.start("transform")
    rated.send(200)
    rated.check()


def test_r7_a_source_that_is_made_anew_starts_from_its_beginning(ratings, rated):
    ratings.start("transform")
    rated.send(1_000)
    rated.check()
    made = len(ratings.read("shadow"))
    delete(ratings, "dominate")
    ratings.make_topics()
    ratings.send("dominate", [b'{"rating": 15, "unique_id": "anew %d"}' % number for number in range(90)])
    ratings.await_done("dominate")
    values = [record.value for record in ratings.read("shadow")]
    assert len(values) == made + 90
    assert sum(b"anew" in value for value in values) == 90


def delete(stages: Stages, *topics: str) -> None:
    """Delete topics, and wait until they are gone."""
    names = [stages.prefix + topic for topic in topics]
    stages.admin.delete_topics(names)
    assert wait_until(lambda: not set(names) & set(stages.admin.list_topics()), 20)


@pytest.fixture
def visits(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Stages]:
    with Stages(stack, request.node.name, "visits", PARK_RETRY_S="1") as stages:
        yield stages


def grow(stages: Stages, topic: str, partitions: int) -> None:
    stages.admin.create_partitions({stages.prefix + topic: partitions})
    assert wait_until(lambda: len(stages.ends(topic)) == partitions, 20)


def test_a_regrouped_topic_that_grows_parks_its_transforms_until_it_is_made_anew(visits):
    visits.start("transform")
    visits.generate(300)
    visits.await_done("visits")
    grow(visits, "visits-by-store", 5)
    remedy = "had 3 partitions when {}.{} began, and has 5 now"
    visits.await_parked("visits", remedy.format("visits", "regroup"))
    visits.await_parked("visits-by-store", remedy.format("visits", "count"))
    visits.await_parked("visits-by-store", "create them again: python -m common.topics")
    delete(visits, "visits-by-store", "active-visitors")  # what the reason tells to do
    visits.make_topics()
    visits.generate(300, seed=2)
    visits.await_done("visits")
    visits.await_done("visits-by-store")
    assert len(visits.read("visits-by-store")) == 300


def test_a_fixed_topic_that_grows_parks_its_transform_and_no_other(visits):
    visits.start("transform")
    visits.generate(300)
    visits.await_done("visits")
    grow(visits, "active-visitors", 2)
    visits.start("transform")  # a rebalance looks at it
    visits.await_parked("visits-by-store", "had 1 partitions when visits.count began, and has 2 now")
    visits.generate(300, seed=2)
    visits.await_done("visits")
    assert len(visits.read("visits-by-store")) == 600


def test_a_target_that_is_made_anew_with_fewer_partitions_is_written_to(ratings, rated):
    ratings.start("transform")
    rated.send(300)
    rated.check()
    delete(ratings, "shadow")
    ratings.environment["PARTITIONS"] = "1"
    ratings.make_topics()
    ratings.send("dominate", [b'{"rating": 15, "unique_id": "anew %d"}' % number for number in range(90)])
    ratings.await_done("dominate")
    values = [record.value for record in ratings.read("shadow")]
    assert sum(b"anew" in value for value in values) == 90


def test_a_transaction_fits_into_topics_that_take_small_batches_only(stack, request):
    small = {"MAX_MESSAGE_BYTES": "16384", "PARK_RETRY_S": "1"}
    with Stages(stack, request.node.name, "ratings", partitions=1, **small) as stages:
        rng = random.Random(1)
        stages.send(
            "dominate", [b"{" + rng.randbytes(200) for _ in range(900)]
        )  # 180 kB that nothing compresses
        stages.start("transform")
        stages.await_done("dominate")
        assert len(stages.read("dominate.dead")) == 900


def test_a_dead_letter_topic_that_is_gone_parks_its_source_and_no_other(stack, request):
    with Stages(stack, request.node.name, "sensors", PARK_RETRY_S="1") as stages:
        stages.start("transform")
        delete(stages, "temperature.dead")
        stages.send("temperature", [b"{"] * 3)
        stages.await_parked("temperature", "temperature.dead is not there any more")
        stages.generate(300)
        stages.await_done("humidity")
        stages.await_done("pressure")
        stages.make_topics()
        stages.await_done("temperature")
        assert len(stages.read("temperature.dead")) == 3


def test_a_time_that_the_target_does_not_take_parks_its_source_and_no_other(stack, request):
    with Stages(stack, request.node.name, "sensors", partitions=1, PARK_RETRY_S="1") as stages:
        stages.start("transform")
        allow(stages, "temperature")
        stages.send("temperature", [measured()], timestamp_ms=IN_TWO_DAYS_MS)
        stages.await_parked("temperature", "a message bears a time that it does not take")
        stages.generate(300)
        stages.await_done("humidity")
        stages.await_done("pressure")
        allow(stages, "hist_temperature")
        stages.await_done("temperature")


def measured() -> bytes:
    return b'{"measurement": 21.5, "measurement_time": "2026-11-01T12:34:56.123Z"}'


IN_TWO_DAYS_MS = round(time.time() * 1000) + 2 * 86_400_000


def allow(stages: Stages, topic: str) -> None:
    """Let a topic take messages of any time."""
    configs = {"message.timestamp.after.max.ms": str(2**63 - 1)}
    stages.admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, stages.prefix + topic, configs)])
