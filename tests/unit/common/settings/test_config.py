import pytest

from common.commands.settings import main, markdown
from common.errors import SettingError
from common.process.run import run
from common.settings.config import Settings, check, environment, reference
from common.settings.parts import ClickHouseSettings, KafkaSettings

MIB = 2**20


def refusal(environ):
    with pytest.raises(SettingError) as caught:
        Settings.from_env(environ)
    return str(caught.value)


def test_an_empty_environment_gives_the_defaults():
    assert Settings.from_env({}) == Settings()


def test_an_empty_variable_counts_as_not_set():
    assert (
        Settings.from_env({"BATCH_ROWS": "", "CLICKHOUSE_PASSWORD": "", "KAFKA_GROUP_ID": ""}) == Settings()
    )


def test_variables_of_other_tools_are_ignored():
    assert (
        Settings.from_env({"VAULT_ADDR": "http://vault", "VAULT_TOKEN": "s", "KAFKA_OPTS": "-X"})
        == Settings()
    )


@pytest.mark.parametrize(
    ("variable", "text", "part", "name", "value"),
    [
        ("BOOTSTRAP_SERVERS", "a:1, b-c.d:65535,", "kafka", "bootstrap_servers", ("a:1", "b-c.d:65535")),
        ("KAFKA_BOOTSTRAP_SERVERS", "[::1]:9092", "kafka", "bootstrap_servers", ("[::1]:9092",)),
        ("KAFKA_GROUP_ID", "team-a.prod", "kafka", "group_id", "team-a.prod"),
        ("KAFKA_SSL_CHECK_HOSTNAME", "No", "kafka", "ssl_check_hostname", False),
        ("PARTITIONS", " 12 ", "topics", "partitions", 12),
        ("RETENTION_BYTES", "2GiB", "topics", "retention_bytes", 2 * 2**30),
        ("CLICKHOUSE_PORT", "19000", "clickhouse", "port", 19000),
        ("CLICKHOUSE_DB", "events", "clickhouse", "database", "events"),
        ("CLICKHOUSE_PASSWORD", " with spaces ", "clickhouse", "password", " with spaces "),
        ("BATCH_BYTES", "4194304", "sink", "batch_bytes", 4 * MIB),
        ("BATCH_AGE_S", "0.25", "sink", "batch_age_s", 0.25),
        ("SINK_EPOCH", "1", "sink", "epoch", 1),
        ("HTTP_PORT", "0", "service", "http_port", 0),
        ("LOG_LEVEL", "debug", "service", "log_level", "DEBUG"),
    ],
)
def test_a_variable_becomes_a_typed_field(variable, text, part, name, value):
    settings = Settings.from_env({variable: text})
    assert getattr(getattr(settings, part), name) == value


@pytest.mark.parametrize(
    ("variable", "text", "allowed"),
    [
        ("BATCH_ROWS", "0", "a whole number from 1 to 1000000"),
        ("BATCH_ROWS", "many", "a whole number from 1 to 1000000"),
        ("BATCH_BYTES", "16MX", "a size from 1KiB to 1GiB, such as 16MiB"),
        ("BATCH_AGE_S", "nan", "seconds from 0.01 to 30"),
        ("BATCH_AGE_S", "inf", "seconds from 0.01 to 30"),
        ("BOOTSTRAP_SERVERS", "broker", "host:port, several separated by commas"),
        ("BOOTSTRAP_SERVERS", ",", "host:port, several separated by commas"),
        ("BOOTSTRAP_SERVERS", "a:70000", "host:port, several separated by commas"),
        ("KAFKA_GROUP_ID", "a b", "1 to 200 letters, digits, '.', '_' or '-'"),
        ("KAFKA_SECURITY_PROTOCOL", "TLS", "one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"),
        ("KAFKA_SSL_CAFILE", "/nowhere", "the path of a file that this process can read"),
        ("CLICKHOUSE_SECURE", "maybe", "true or false"),
        ("HTTP_PORT", "65536", "a port from 0 to 65535"),
    ],
)
def test_a_wrong_value_is_refused_with_variable_value_and_what_is_allowed(variable, text, allowed):
    assert refusal({variable: text}) == f"{variable}={text} is not allowed: give {allowed}"


@pytest.mark.parametrize("port", ["8123", "8443"])
def test_the_http_port_of_clickhouse_is_refused_with_a_hint(port):
    line = refusal({"CLICKHOUSE_PORT": port})
    assert "native port, 9000 (9440 with TLS)" in line
    assert "speak HTTP" in line


def test_every_wrong_value_has_a_line():
    lines = refusal({"BATCH_ROWS": "x", "PARTITIONS": "y", "LOG_LEVEL": "z"}).splitlines()
    assert [line.split("=")[0] for line in lines] == ["PARTITIONS", "BATCH_ROWS", "LOG_LEVEL"]


def test_a_wrong_value_stays_on_one_short_line():
    line = refusal({"KAFKA_GROUP_ID": "a\nb" + "c" * 1000})
    assert len(line.splitlines()) == 1
    assert len(line) < 250


def test_two_names_of_one_setting_may_agree_but_not_differ():
    same = Settings.from_env({"BOOTSTRAP_SERVERS": "a:1", "KAFKA_BOOTSTRAP_SERVERS": "a:1"})
    assert same.kafka.bootstrap_servers == ("a:1",)
    line = refusal({"BOOTSTRAP_SERVERS": "a:1", "KAFKA_BOOTSTRAP_SERVERS": "b:1"})
    assert line.startswith("BOOTSTRAP_SERVERS and KAFKA_BOOTSTRAP_SERVERS are two names of one setting")


def test_a_secret_may_come_from_a_file_without_its_closing_newline(tmp_path):
    (tmp_path / "secret").write_text("p w\n")
    settings = Settings.from_env({"CLICKHOUSE_PASSWORD_FILE": str(tmp_path / "secret")})
    assert settings.clickhouse.password == "p w"


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "cannot be read"), (b"\n", "is empty"), (b"\xff", "not UTF-8")]
)
def test_a_secret_file_that_holds_no_secret_is_refused(tmp_path, content, problem):
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    line = refusal({"CLICKHOUSE_PASSWORD_FILE": str(path)})
    assert line.startswith(f"CLICKHOUSE_PASSWORD_FILE={path}"[:80])
    assert problem in line


def test_a_secret_given_both_ways_is_refused_without_showing_it(tmp_path):
    line = refusal({"CLICKHOUSE_PASSWORD": "hush", "CLICKHOUSE_PASSWORD_FILE": str(tmp_path)})
    assert line == "CLICKHOUSE_PASSWORD and CLICKHOUSE_PASSWORD_FILE are both set: give one of them"


def test_secrets_are_masked_in_repr():
    kafka = KafkaSettings(sasl_username="ann", sasl_password="hush", ssl_keyfile_password="hush")
    settings = Settings(kafka=kafka, clickhouse=ClickHouseSettings(password="hush"))
    assert "hush" not in repr(settings)
    assert "sasl_password=********" in repr(settings)
    assert "sasl_username='ann'" in repr(settings)


SASL = {"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD": "p"}


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        (
            {"KAFKA_HEARTBEAT_S": "4"},
            "KAFKA_HEARTBEAT_S=4 must be below a third of KAFKA_SESSION_TIMEOUT_S=10",
        ),
        (
            {"KAFKA_REQUEST_TIMEOUT_S": "10"},
            "KAFKA_REQUEST_TIMEOUT_S=10 must be below KAFKA_SESSION_TIMEOUT_S=10",
        ),
        (
            {"KAFKA_SESSION_TIMEOUT_S": "90"},
            "KAFKA_SESSION_TIMEOUT_S=90 must not be above KAFKA_MAX_POLL_INTERVAL_S=60",
        ),
        (
            {"CLICKHOUSE_SEND_RECEIVE_TIMEOUT_S": "50"},
            "CLICKHOUSE_SEND_RECEIVE_TIMEOUT_S=50 plus 10 must be below KAFKA_MAX_POLL_INTERVAL_S=60",
        ),
        ({"MIN_INSYNC_REPLICAS": "4"}, "MIN_INSYNC_REPLICAS=4 must not be above REPLICATION_FACTOR=3"),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"},
            "KAFKA_SECURITY_PROTOCOL=SASL_SSL needs KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and "
            "KAFKA_SASL_PASSWORD",
        ),
        (
            SASL,
            "KAFKA_SECURITY_PROTOCOL=PLAINTEXT would not log in: KAFKA_SASL_… need SASL_SSL or SASL_PLAINTEXT",
        ),
        (
            {"KAFKA_SSL_CAFILE": __file__},
            "KAFKA_SECURITY_PROTOCOL=PLAINTEXT would not encrypt: KAFKA_SSL_… files need SSL or SASL_SSL",
        ),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_KEYFILE": __file__},
            "KAFKA_SSL_KEYFILE needs KAFKA_SSL_CERTFILE",
        ),
        (
            {"CLICKHOUSE_CA_CERTS": __file__},
            "CLICKHOUSE_SECURE=false would not use the certificate files given",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else "+".join(value),
)
def test_a_broken_promise_between_settings_is_refused(environ, line):
    assert refusal(environ) == line


def test_a_login_over_tls_is_allowed():
    settings = Settings.from_env(
        {**SASL, "KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SSL_CAFILE": __file__}
    )
    assert settings.kafka.sasl_password == "p"


def test_the_environment_stands_over_the_file(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("BATCH_ROWS=1\nBATCH_AGE_S=2\n# a comment\nexport PARTITIONS='3'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BATCH_ROWS", "7")
    settings = Settings.from_env(environment())
    assert (settings.sink.batch_rows, settings.sink.batch_age_s, settings.topics.partitions) == (7, 2.0, 3)


def test_another_name_of_a_setting_in_the_environment_stands_over_the_file_too(tmp_path, monkeypatch):
    (tmp_path / "secret").write_text("new")
    (tmp_path / "my.env").write_text("CLICKHOUSE_PASSWORD=old\nBOOTSTRAP_SERVERS=a:1\n")
    monkeypatch.setenv("CLICKHOUSE_PASSWORD_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "b:1")
    settings = Settings.from_env(environment(str(tmp_path / "my.env")))
    assert settings.clickhouse.password == "new"
    assert settings.kafka.bootstrap_servers == ("b:1",)


def test_a_file_of_settings_that_is_named_must_be_there(tmp_path):
    with pytest.raises(SettingError, match="no such file"):
        environment(str(tmp_path / "absent.env"))


def test_the_reference_has_every_variable_once_with_a_default_that_is_allowed():
    rows = reference()
    assert len({row.variable for row in rows}) == len(rows)
    assert Settings.from_env({row.variable: row.default for row in rows}) == Settings()


def test_the_markdown_table_has_a_line_a_setting():
    lines = markdown(reference()).splitlines()
    assert "| `BATCH_BYTES` | `48MiB` | " in markdown(reference())
    assert len(lines) == len(reference()) + 2
    assert {line.replace("\\|", "").count("|") for line in lines} == {4}


def test_check_exits_with_2_and_the_lines(tmp_path, capsys):
    path = tmp_path / "my.env"
    path.write_text("BATCH_ROWS=0\nPARTITIONS=x\n")
    assert run(lambda: main(["--check", "--env-file", str(path)])) == 2
    assert [line.split("=")[0] for line in capsys.readouterr().err.splitlines()] == [
        "PARTITIONS",
        "BATCH_ROWS",
    ]
    path.write_text("BATCH_ROWS=5\n")
    assert run(lambda: main(["--check", "--env-file", str(path)])) == 0
    main([])
    assert "BATCH_ROWS=100000\n" in capsys.readouterr().out


def test_a_check_tries_everything_there_is_and_names_all_that_is_wrong_at_once():
    environ = {"PARTITIONS": "0", "KAFKA_TOPIC_NAME": "bad topic!", "PRODUCER_RATE": "fast"}
    with pytest.raises(SettingError) as raised:
        check(environ)
    assert [line.split("=")[0] for line in str(raised.value).splitlines()] == list(environ)


def test_the_settings_table_has_the_limits_of_producers():
    rows = {row.variable: row for row in reference()}
    assert "events per second" in rows["PRODUCER_RATE"].meaning
    assert "`--rate`" in rows["PRODUCER_RATE"].meaning
