import pytest

from common.errors import SettingError
from infra.metabase.settings import Settings

GIVEN = {"METABASE_PASSWORD": "secret-1", "CLICKHOUSE_PASSWORD": "secret-2"}


def test_passwords_may_come_from_files_and_are_not_shown(tmp_path):
    for name in GIVEN:
        (tmp_path / name).write_text(f"{GIVEN[name]}\n")
    settings = Settings.from_env({f"{name}_FILE": str(tmp_path / name) for name in GIVEN})
    assert (settings.password, settings.clickhouse["password"]) == ("secret-1", "secret-2")
    assert "secret" not in repr(settings)


def test_the_rest_has_defaults_that_fit_the_compose_file():
    settings = Settings.from_env(GIVEN)
    assert (settings.url, settings.wait_s) == ("http://metabase:3000", 600)
    assert settings.clickhouse | {"password": ""} == {
        "host": "clickhouse-server",
        "port": 8123,
        "dbname": "penstock",
        "user": "reader",
        "password": "",
        "ssl": False,
    }


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "METABASE_PASSWORD is missing: give it, or METABASE_PASSWORD_FILE"),
        (
            GIVEN | {"METABASE_PASSWORD_FILE": "/nowhere"},
            "METABASE_PASSWORD_FILE=/nowhere: the file cannot be read",
        ),
        (GIVEN | {"METABASE_WAIT_S": "soon"}, "METABASE_WAIT_S=soon is not allowed: give a number, above 0"),
        (GIVEN | {"METABASE_CLICKHOUSE_PORT": "-1"}, "METABASE_CLICKHOUSE_PORT=-1 is not allowed"),
    ],
    ids=["missing", "no such file", "no number", "negative"],
)
def test_what_is_wrong_is_named(environ, words):
    with pytest.raises(SettingError, match=words.replace("(", r"\(")):
        Settings.from_env(environ)
