"""The whole stack through Compose v2, as one story: the tests run in order, each goes on where the one before ended."""

import re
import time

import docker
import pytest
import requests
from clickhouse_driver import Client
from kafka import KafkaAdminClient

from common.clickhouse_io.questions import Asker
from common.settings.parts import ClickHouseSettings
from common.streams.collatz import QUESTIONS, STREAM, walk_of
from infra.metabase.dashboards import DASHBOARDS
from tests.compose.conftest import Timed
from tests.compose.project import (
    METABASE,
    METABASE_SETUP,
    ONE_SHOTS,
    PROFILE,
    SERVICES,
    SHARED,
    Project,
    await_,
    entered,
    pause,
    share_of,
    words_of,
)
from tests.support.grafana import dashboards, every_query, expanded, rule
from tests.support.patience import get_patiently

LONGER_THAN_A_SESSION_S = 12
PARTITIONS = 4
PRODUCERS = 2
"""From the first scaling on to the end: a container that is scaled away takes along how much it has sent."""

PATIENT = ("producer", "transformer", "consumer", "auditor", "clickhouse-server")


@pytest.fixture(scope="module")
def stack(engine, v2, images, project_name):
    project = Project(engine, v2, project_name, images | {"AUDIT_EVERY_S": "15"})
    project.down()
    try:
        with Timed("up to healthy"):
            project.up()
            project.await_healthy()
        yield project
    finally:
        project.down()


def test_the_one_shots_did_their_work_and_ended(stack):
    states = {service: stack.container(service).attrs["State"] for service in ONE_SHOTS}
    ended = {service: (state["Status"], state["ExitCode"]) for service, state in states.items()}
    assert ended == dict.fromkeys(ONE_SHOTS, ("exited", 0))


def test_rows_arrive(stack):
    with Timed("first rows"):
        stack.await_more_rows()


def test_the_questions_of_the_stream_answer(stack):
    asker = Asker(
        ClickHouseSettings(
            port=stack.ports["CLICKHOUSE_NATIVE_PORT"],
            user="reader",
            password=stack.password("reader"),
            database="penstock",
        )
    )
    try:
        questions = {question.name: question for question in QUESTIONS}
        number, steps = asker.ask(STREAM, questions["longest_step_chain"], {})[0]
        assert len(walk_of(number)) == steps + 1
        number, value = asker.ask(STREAM, questions["highest_value"], {})[0]
        assert max(walk_of(number)) == value
        assert (number,) in asker.ask(STREAM, questions["part"], {"x": value})
        assert asker.ask(STREAM, questions["steps"], {"n": number}) == list(enumerate(walk_of(number)))
    finally:
        asker.close()


@pytest.mark.parametrize(("user", "sql"), [("reader", "INSERT"), ("grafana", "INSERT"), ("ingest", "DROP")])
def test_nobody_may_do_more_than_he_must(stack, user, sql):
    statement = {"INSERT": "INSERT INTO data_series (number) VALUES (1)", "DROP": "DROP TABLE data_series"}[
        sql
    ]
    with pytest.raises(OSError, match=r"HTTP Error (403|500)"):
        stack.query(statement, user)


def test_our_containers_have_no_rights_and_cannot_write(stack):
    for service in ("producer", "transformer", "consumer", "auditor", "api", *ONE_SHOTS):
        container = stack.container(service)
        host = container.attrs["HostConfig"]
        assert (host["ReadonlyRootfs"], host["CapDrop"], host["Init"]) == (True, ["ALL"], True), service
        assert container.attrs["Config"]["User"] == "10001:10001"
        assert host["Memory"] > 0


def test_only_what_a_person_opens_listens_beyond_this_machine(stack):
    addresses = {
        (service, binding["HostIp"])
        for service in SERVICES
        for bindings in stack.container(service).attrs["HostConfig"]["PortBindings"].values()
        for binding in bindings
    }
    local = {
        (service, "127.0.0.1")
        for service in ("kafka-1", "kafka-2", "kafka-3", "clickhouse-server", "grafana")
    }
    assert addresses == local | {("kafka-ui", "0.0.0.0"), ("api", "0.0.0.0")}


def test_the_api_answers_through_its_published_port(stack):
    base = f"http://127.0.0.1:{stack.ports['API_PORT']}"
    longest = get_patiently(f"{base}/longest_step_chain").json()
    assert len(walk_of(longest["longest"])) == longest["steps"] + 1
    assert [longest["longest"]] in get_patiently(f"{base}/part/{longest['longest']}").json()
    assert get_patiently(f"{base}/plot/27").content.startswith(b"\x89PNG")
    assert "<title>" in get_patiently(base).text
    overview = get_patiently(f"{base}/streams").json()
    assert (overview["kafka"]["ok"], overview["clickhouse"]["ok"]) == (True, True)
    assert all(stream["rows"] is not None for stream in overview["streams"])


def test_grafana_has_read_its_files_and_reaches_clickhouse(stack):
    """As its stand-in does, which takes only what is whole."""
    base = f"http://127.0.0.1:{stack.ports['GRAFANA_PORT']}/api"
    assert requests.get(f"{base}/health").json()["database"] == "ok"
    assert {each["uid"] for each in requests.get(f"{base}/search").json()} == set(dashboards())
    assert requests.get(f"{base}/v1/provisioning/alert-rules").json() == [rule()]
    (point,) = requests.get(f"{base}/v1/provisioning/contact-points").json()
    assert point["settings"]["url"].startswith("http")


def test_tools_on_this_machine_reach_every_broker(stack):
    servers = [f"localhost:{stack.ports[f'KAFKA_{number}_PORT']}" for number in (1, 2, 3)]
    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        brokers = admin.describe_cluster()["brokers"]
        topic = admin.describe_topics(["conjecture.data"])[0]
    finally:
        admin.close()
    assert sorted(f"{broker['host']}:{broker['port']}" for broker in brokers) == sorted(servers)
    assert [len(partition["replica_nodes"]) for partition in topic["partitions"]] == [3] * PARTITIONS


def test_kafkas_own_tools_work_in_a_broker(stack):
    tool = ["/opt/kafka/bin/kafka-topics.sh", "--bootstrap-server", "localhost:9092", "--list"]
    assert "conjecture.data.dead" in stack.do("exec", "-T", "kafka-1", *tool).split()


def test_four_consumers_share_the_partitions_and_one_too_many_says_so_and_waits(stack):
    stack.up(consumer=5, producer=PRODUCERS)
    with Timed("shared by four"):
        stack.await_shares([0, 1, 1, 1, 1])
    stack.await_more_rows()
    logs = [words_of(container) for container in stack.containers("consumer")]
    assert any("no partition is left for this consumer, waiting" in log for log in logs)
    assert len(stack.containers("producer")) == PRODUCERS


def test_the_work_of_a_killed_consumer_is_taken_over(stack):
    next(box for box in stack.containers("consumer") if share_of(words_of(box), SHARED["consumer"])).kill()
    with Timed("taken over"):
        stack.await_shares([1, 1, 1, 1])
    stack.await_more_rows()


def test_rows_arrive_while_a_broker_is_away(stack):
    broker = stack.container("kafka-2")
    broker.kill()
    with Timed("rows without a broker"):
        stack.await_more_rows()
    broker.start()


def test_both_groups_are_scaled_to_two_while_the_broker_comes_back(stack):
    with Timed("scaled, the broker back"):
        stack.up(consumer=2, producer=PRODUCERS, transformer=2)
        await_(lambda: stack.health("kafka-2") == ["healthy"], 180, "kafka-2 healthy", stack.tell)
        stack.await_shares([2, 2])
        stack.await_shares([2, 2], service="transformer")
    stack.await_more_rows()


def test_the_work_of_a_killed_transformer_is_taken_over_until_it_returns(stack):
    victim = stack.containers("transformer")[0]
    victim.kill()
    with Timed("taken over by a transformer"):
        stack.await_shares([4], service="transformer")
    victim.start()
    stack.await_shares([2, 2], service="transformer")


@pytest.mark.parametrize("table", ["shadow", "measurements", "histograms", "active_visitors", "metrics"])
def test_every_stream_arrives_in_its_tables(stack, table):
    await_(lambda: int(stack.query(f"SELECT count() FROM {table}")) > 0, 120, f"rows in {table}", stack.tell)


def test_every_query_of_grafana_is_answered(stack):
    def unanswered():
        now_s = time.time()
        with connected(stack) as client:
            return [
                asked.where
                for asked in every_query()
                if not client.execute(
                    expanded(asked.sql, from_s=now_s - 900, to_s=now_s, variables=asked.variables)
                )
            ]

    await_(lambda: not unanswered(), 180, "every query answered", lambda: f"{unanswered()}\n{stack.tell()}")


def connected(stack):
    """ClickHouse's native port, as the user grafana."""
    port, password = stack.ports["CLICKHOUSE_NATIVE_PORT"], stack.password("grafana")
    return Client("127.0.0.1", port=port, user="grafana", password=password, database="penstock")


def test_consumers_outlast_a_clickhouse_that_stands_still(stack):
    server = stack.container("clickhouse-server")
    pause(server)
    time.sleep(LONGER_THAN_A_SESSION_S)  # the pause is what is tried
    server.unpause()
    stack.await_more_rows()
    assert all(container.attrs["RestartCount"] == 0 for container in stack.containers("consumer"))


def test_rows_arrive_after_clickhouse_was_restarted(stack):
    stack.do("restart", "clickhouse-server")
    stack.await_more_rows()


def test_the_auditor_has_found_nothing_wrong_on_the_way(stack):
    counted = "SELECT uniqExact(time), countIf(NOT sound) FROM penstock_verdicts"
    before = int(stack.query(counted).split()[0])
    await_(lambda: int(stack.query(counted).split()[0]) > before, 400, "another round", stack.tell)
    assert stack.query(counted).split()[1] == "0", stack.query(
        "SELECT * FROM penstock_verdicts WHERE NOT sound FORMAT Vertical"
    )
    assert all(container.attrs["RestartCount"] == 0 for container in stack.containers("auditor"))


def test_nothing_is_missing_or_repeated_after_all_that(stack):
    stack.do("stop", "producer")
    report = stack.audit("--wait", "120")
    sent, acknowledged, failed = stack.produced()
    assert (report["missing"], report["repeated"], report["exit_code"]) == (0, 0, 0), report
    assert {(told["lag"], told["dead"]) for told in report["streams"].values()} == {(0, 0)}
    assert acknowledged <= entered(report) <= sent
    assert failed or entered(report) == acknowledged


def test_stop_and_up_go_on_where_it_was(stack):
    rows = stack.rows()
    with Timed("stop"):
        stack.do("stop")
    # Not the brokers: the last one cannot hand over its partitions to anybody, and may be killed.
    boxes = [box for name in PATIENT for box in stack.containers(name, also_stopped=True)]
    assert {box.name for box in boxes if box.attrs["State"]["ExitCode"] == 137} == set()
    with Timed("up again"):
        stack.up()
        stack.await_healthy()
    stack.await_more_rows()
    assert stack.rows() > rows
    report = stack.audit()
    assert (report["missing"], report["repeated"]) == (0, 0), report


def test_the_profile_adds_metabase_with_its_dashboards(stack):
    for table in ("shadow", "data_series"):
        await_(
            lambda table=table: stack.query(f"SELECT count() FROM {table}") != "0\n", 120, table, stack.tell
        )
    with Timed("up with Metabase"):
        stack.up(PROFILE)
        stack.await_healthy(services=(*SERVICES, *METABASE))
    setup = stack.container(METABASE_SETUP)
    assert setup.wait(timeout=120)["StatusCode"] == 0, stack.tell()
    said = setup.logs().decode().splitlines()
    assert said[0] == "made the administrator admin@penstock.example"
    answered = [line for line in said if re.search(r": [1-9]\d* rows$", line)]
    assert len(answered) == sum(len(dashboard.cards) for dashboard in DASHBOARDS), said
    assert said[-1].startswith(f"http://localhost:{stack.ports['METABASE_PORT']}/dashboard/")
    (binding,) = stack.container("metabase").attrs["HostConfig"]["PortBindings"]["3000/tcp"]
    assert binding["HostIp"] == "127.0.0.1"
    health = requests.get(f"http://127.0.0.1:{stack.ports['METABASE_PORT']}/api/health").json()
    assert health == {"status": "ok"}
    setup.start()
    assert setup.wait(timeout=120)["StatusCode"] == 0, stack.tell()
    again = words_of(stack.container(METABASE_SETUP)).splitlines()
    assert [line for line in again if not re.search(r" rows$|^http", line)] == []


def test_metabases_postgresql_keeps_its_data_in_the_volume(stack):
    psql = ["psql", "-U", "metabase", "-d", "metabase", "-Atc"]
    stack.do("exec", "-T", "metabase-db", *psql, "CREATE TABLE kept (n int)")
    stack.do("--profile", PROFILE, "rm", "-s", "-f", "metabase-db")
    stack.up(PROFILE)
    stack.await_healthy(services=METABASE)
    assert stack.do("exec", "-T", "metabase-db", *psql, "SELECT count(*) FROM kept").strip() == "0"


def test_down_leaves_nothing(stack):
    stack.down()
    assert stack.left() == []
    with pytest.raises(docker.errors.NotFound):
        stack.engine.volumes.get(f"{stack.name}_clickhouse")
