"""Variables that rename topics and tables are settings like any other."""

import pytest

from common.errors import SettingError
from common.settings.config import reference
from common.streams import STREAMS, load, variables

COLLATZ = STREAMS["collatz"]


def test_without_variables_topics_and_tables_are_called_as_their_files_say():
    assert load({})["collatz"].topics == COLLATZ.topics


def test_a_variable_renames_a_topic_and_another_one_a_table():
    renamed = load({"KAFKA_TOPIC_NAME": "walks.v2", "CLICKHOUSE_TABLE": "walks_2"})["collatz"]
    assert renamed.topics == ("walks.v2",)
    assert [table.name for table in renamed.feeds[0].tables] == ["walks_2"]


def test_every_such_variable_is_in_the_table_of_settings():
    told = {row.variable: row.default for row in reference()}
    assert {each.name: each.default for each in variables()}.items() <= told.items()
    assert len(list(variables())) == len({each.name for each in variables()})


@pytest.mark.parametrize(
    ("variable", "given"),
    [
        ("KAFKA_TOPIC_NAME", "bad topic!"),
        ("KAFKA_TOPIC_NAME", "x" * 201),
        ("CLICKHOUSE_TABLE", "a; DROP TABLE b"),
        ("CLICKHOUSE_TABLE", "2024_walks"),
        ("CLICKHOUSE_TABLE", "w`alks"),
    ],
)
def test_a_name_that_is_not_allowed_is_refused_with_what_is(variable, given):
    with pytest.raises(SettingError) as refused:
        load({variable: given})
    assert str(refused.value).startswith(f"{variable}={given[:10]}")
    assert ": give 1 to 200 letters, digits" in str(refused.value)


def test_all_wrong_names_are_told_at_once():
    with pytest.raises(SettingError) as refused:
        load({"KAFKA_TOPIC_NAME": "?", "CLICKHOUSE_TABLE": "?"})
    assert len(str(refused.value).splitlines()) == 2


def test_a_variable_sets_the_length_of_windows_and_how_long_they_wait():
    stream = load({"VISITS_WINDOW_S": "10", "VISITS_GRACE_S": "0.5"})["visits"]
    assert (stream.transforms[1].size_s, stream.transforms[1].grace_s) == (10.0, 0.5)
    with pytest.raises(SettingError, match="VISITS_WINDOW_S=soon: give seconds from 0.1 to 86400"):
        load({"VISITS_WINDOW_S": "soon"})
