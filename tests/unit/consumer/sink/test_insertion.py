import pytest

from consumer.sink.insertion import FROZEN_COPY_S, SAME_SIZE_TRIES, Insertion, State
from tests.unit.consumer.material import INTENT, TOKENS, TOPIC_ID, batch, event, insertion

VALUES = [event(n) for n in range(4)]


class Letter:
    """A dead letter under way."""

    def __init__(self, is_acknowledged):
        self.is_acknowledged, self.error = is_acknowledged, None


def fresh():
    return Insertion(batch(VALUES), INTENT)


def fail(some_insertion, now_s=0.0, is_too_big=False):
    some_insertion.fail(now_s, instance="me", is_too_big=is_too_big, jitter=0.0)


def refused_as_too_big(times):
    some_insertion = insertion(batch(VALUES))
    for _ in range(times - 1):
        fail(some_insertion, is_too_big=True)
        some_insertion.send()
    fail(some_insertion, is_too_big=True)
    return some_insertion


def in_state(state):
    """An insertion that came to that state the usual way."""
    some_insertion = fresh()
    steps = {
        State.READY: [],
        State.NAMED: ["name"],
        State.INSERTING: ["name", "send"],
        State.RETRYING: ["name", "send", "fail"],
        State.NEEDS_NEXT_ATTEMPT: ["name", "send", "use_up"],
        State.STORED: ["name", "send", "succeed"],
        State.CANCELLED: ["cancel"],
    }
    for step in steps[state]:
        take(some_insertion, step)
    assert some_insertion.state is state
    return some_insertion


def take(some_insertion, step):
    if step == "name":
        some_insertion.name(INTENT)
    elif step == "fail":
        fail(some_insertion)
    else:
        getattr(some_insertion, step)()


ALLOWED = {
    "name": {State.READY, State.NEEDS_NEXT_ATTEMPT},
    "send": {State.NAMED, State.RETRYING},
    "succeed": {State.INSERTING, State.NAMED},
    "fail": {State.INSERTING},
    "use_up": {State.INSERTING},
    "cancel": set(State),
}


@pytest.mark.parametrize("step", ALLOWED)
@pytest.mark.parametrize("state", State)
def test_each_step_is_possible_from_the_states_that_the_table_names_and_from_no_other(state, step):
    some_insertion = in_state(state)
    if state in ALLOWED[step]:
        take(some_insertion, step)
    else:
        with pytest.raises(AssertionError, match="events/0 0-4"):
            take(some_insertion, step)
        assert some_insertion.state is state


@pytest.mark.parametrize("state", State)
def test_s1_only_what_an_acknowledged_commit_names_may_be_sent(state):
    assert in_state(state).may_send(1e9) is (state in (State.NAMED, State.RETRYING))


@pytest.mark.parametrize(
    ("state", "acknowledged", "is_done"),
    [
        (State.INSERTING, [], False),
        (State.STORED, [], True),
        (State.STORED, [True, False], False),
        (State.STORED, [True, True], True),
        (State.INSERTING, [True], False),
    ],
)
def test_s2_it_is_done_with_its_rows_stored_and_its_letters_acknowledged(state, acknowledged, is_done):
    made = in_state(state)
    made.letters = [Letter(each) for each in acknowledged]
    assert made.is_done is is_done


def test_what_failed_waits_and_counts_before_it_inserts_again():
    failed = insertion(batch(VALUES))
    assert not failed.must_count
    fail(failed, now_s=10.0)
    assert (failed.failures, failed.must_count) == (1, True)
    assert not failed.may_send(10.0)
    assert failed.may_send(10.1)


def test_c2_what_fails_for_long_gets_a_query_id_of_its_own():
    failed = insertion(batch(VALUES))
    for now_s, suffix in ((0.0, ""), (FROZEN_COPY_S, ""), (FROZEN_COPY_S + 0.1, "~me.3")):
        fail(failed, now_s)
        assert failed.query_suffix == suffix
        failed.send()


def test_blocks_that_do_not_pass_in_a_few_tries_are_too_big():
    assert not refused_as_too_big(SAME_SIZE_TRIES - 1).is_too_big
    assert refused_as_too_big(SAME_SIZE_TRIES).is_too_big


def test_a_range_that_is_split_uses_its_token_up_and_goes_on_in_twice_as_many_pieces():
    big = refused_as_too_big(SAME_SIZE_TRIES)
    big.split()
    assert (big.consumes_token, big.is_too_big) == (True, False)
    big.send()
    big.use_up()
    assert (big.next_intent.attempt, big.next_intent.pieces) == (2, 2)
    assert (big.consumes_token, big.must_count) == (False, True)


def test_a_range_is_split_down_to_a_message_each_and_no_further():
    assert insertion(batch(VALUES), pieces=3).can_split
    assert not insertion(batch(VALUES), pieces=4).can_split


def test_r4_a_next_attempt_has_the_same_range_and_is_named_before_it_is_sent():
    used_up = insertion(batch(VALUES))
    used_up.use_up()
    wanted = used_up.next_intent
    assert (wanted.next, wanted.attempt, wanted.pieces) == (4, 2, 1)
    assert used_up.intent.attempt == 1
    used_up.name(wanted)
    assert (used_up.intent, used_up.next_intent, used_up.state) == (wanted, None, State.NAMED)


def test_r6_the_token_of_an_insertion_is_made_of_its_range_and_attempt():
    made = insertion(batch(VALUES, start=10), attempt=2)
    assert TOKENS.of(made, "one_each", 0) == f"v1:0:team-sink:{TOPIC_ID}:0:10-14#2:one_each"


def test_r6_each_piece_of_a_range_has_its_own_token():
    made = insertion(batch(VALUES, start=10), attempt=2, pieces=2)
    attempts = [TOKENS.of(made, "one_each", piece).split("#")[1] for piece in range(2)]
    assert attempts == ["2.0:one_each", "2.1:one_each"]
