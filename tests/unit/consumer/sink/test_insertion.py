from dataclasses import dataclass

import pytest

from tests.unit.consumer.material import TOKENS, TOPIC_ID, batch, event, job

VALUES = [event(n) for n in range(4)]


@dataclass
class Letter:
    """A dead letter under way."""

    is_acknowledged: bool
    error: str | None = None


@pytest.mark.parametrize(
    ("is_stored", "acknowledged", "is_done"),
    [
        (False, [], False),
        (True, [], True),
        (True, [True, False], False),
        (True, [True, True], True),
        (False, [True], False),
    ],
)
def test_a_job_is_done_with_its_rows_stored_and_its_letters_acknowledged(is_stored, acknowledged, is_done):
    made = job(batch(VALUES), stored=is_stored, dead_letters=[Letter(each) for each in acknowledged])
    assert made.is_done is is_done


def test_r6_the_token_of_a_job_is_made_of_its_range_and_attempt():
    made = job(batch(VALUES, start=10), attempt=2)
    assert TOKENS.of(made, "one_each", 0) == f"v1:0:team-sink:{TOPIC_ID}:0:10-14#2:one_each"


def test_r6_each_piece_of_a_range_has_its_own_token():
    made = job(batch(VALUES, start=10), attempt=2, pieces=2)
    attempts = [TOKENS.of(made, "one_each", piece).split("#")[1] for piece in range(2)]
    assert attempts == ["2.0:one_each", "2.1:one_each"]
