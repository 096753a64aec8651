import pytest

from common.errors import BadData, FeedBlocked
from common.model.codec import Codec
from common.model.reasons import Kind
from consumer.transform.messages import at_once, blamed_on, good_messages, reason
from tests.unit.consumer.material import array
from tests.unit.consumer.transform.material import Visit, run, visit

SECRET = "secret"


def found(values, find=lambda event, index: event.id):
    bad = {}
    messages = list(good_messages(Codec(Visit).decode(values), run(values), find, "count", bad))
    return [(each.at, each.found) for each in messages], bad


def failing(error):
    def find(event, index):
        if event.id == SECRET:
            raise error
        return index

    return find


def test_each_message_comes_with_what_was_found_for_each_of_its_events():
    assert found([visit("a", 1), array(visit("b", 1), visit("c", 1))]) == ([(0, ["a"]), (1, ["b", "c"])], {})


def test_a_message_has_its_events_too():
    values = [visit("a", 1)]
    decoded = Codec(Visit).decode(values)
    (message,) = good_messages(decoded, run(values), lambda event, index: None, "count", {})
    assert message.events == [Visit("a", 1)]


def test_a_run_of_good_events_can_be_worked_on_at_once():
    assert at_once(Codec(Visit).decode([visit("a", 1), visit("b", 1)]), len) == 2


@pytest.mark.parametrize("value", [b"bad", array(visit("b", 1))])
def test_a_run_with_anything_else_is_not_worked_on_at_once(value):
    assert at_once(Codec(Visit).decode([visit("a", 1), value]), len) is None


@pytest.mark.parametrize("error", [SystemExit(1), StopIteration(), ValueError(SECRET)])
def test_what_fails_at_once_is_left_to_a_look_at_each_message(error):
    decoded = Codec(Visit).decode([visit(SECRET, 1)])
    assert at_once(decoded, lambda events: [failing(error)(event, 0) for event in events]) is None


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_what_is_no_fault_of_a_message_is_raised_at_once(error):
    decoded = Codec(Visit).decode([visit(SECRET, 1)])
    with pytest.raises(error):
        at_once(decoded, lambda events: [failing(error())(event, 0) for event in events])


def test_find_is_told_which_message_an_event_is_of():
    messages, _ = found(
        [array(visit("a", 1), visit("b", 1)), b"bad", visit("c", 1)], lambda event, index: index
    )
    assert messages == [(0, [0, 0]), (2, [2])]


def test_a_run_without_messages_has_none():
    assert found([]) == ([], {})


def test_messages_that_cannot_be_decoded_are_told_and_left_out():
    messages, bad = found([None, visit("a", 1), b"[]", b"{}"])
    assert messages == [(1, ["a"])]
    assert [bad[index].kind for index in sorted(bad)] == [
        Kind.TOMBSTONE,
        Kind.EMPTY_ARRAY,
        Kind.MISSING_FIELD,
    ]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_event_that_fails_takes_its_whole_message_and_no_other(place):
    events = [visit("b", 1), visit("c", 1)]
    events.insert(place, visit(SECRET, 1))
    messages, bad = found([visit("a", 1), array(*events), visit("d", 1)], failing(ValueError(SECRET)))
    assert messages == [(0, [0]), (2, [2])]
    assert {index: str(why) for index, why in bad.items()} == {1: "stream code failed: ValueError in count"}


def test_bad_data_that_is_raised_is_the_reason():
    _, bad = found([visit(SECRET, 1)], failing(BadData(Kind.OUT_OF_RANGE, "too far")))
    assert str(bad[0]) == "out of range: too far"


@pytest.mark.parametrize(
    "error", [SystemExit(SECRET), GeneratorExit(), StopIteration(SECRET), OSError(SECRET)]
)
def test_whatever_is_raised_is_the_fault_of_the_message_and_tells_nothing_of_it(error):
    messages, bad = found([visit("a", 1), visit(SECRET, 1), visit("b", 1)], failing(error))
    assert [at for at, _ in messages] == [0, 2]
    assert str(bad[1]) == f"stream code failed: {type(error).__name__} in count"


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_what_is_no_fault_of_a_message_is_raised(error):
    with pytest.raises(error):
        found([visit(SECRET, 1)], failing(error()))
    with pytest.raises(error):
        reason(error(), "count")
    with pytest.raises(error):
        blamed_on("count", lambda: failing(error())(Visit(SECRET, 1), 0))


def test_what_works_is_given():
    assert blamed_on("count", lambda: 5) == 5


@pytest.mark.parametrize("error", [SystemExit(1), ValueError(SECRET), TypeError(SECRET)])
def test_what_fails_whatever_the_message_blocks_the_feed(error):
    text = rf"^stream code failed: {type(error).__name__} in count: mend the stream file, and restart$"
    with pytest.raises(FeedBlocked, match=text) as raised:
        blamed_on("count", lambda: failing(error)(Visit(SECRET, 1), 0))
    assert raised.value.__cause__ is error
