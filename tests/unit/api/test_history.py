from api.history import History


def stream(name="mine", sent=1.0, rows=2.0, lag=3):
    return {"name": name, "messages_per_second": sent, "rows_per_second": rows, "lag": lag}


def test_a_point_is_due_after_some_seconds():
    history = History(every_s=3.0, kept_s=30.0)
    assert history.is_due(100.0)
    history.add(100.0, [stream()])
    assert [history.is_due(at_s) for at_s in (100.0, 102.9, 103.0)] == [False, False, True]


def test_points_are_told_the_oldest_first_with_what_was_not_known_as_null():
    history = History()
    history.add(100.0, [stream(sent=None, lag=None)])
    history.add(103.0, [stream(), stream("another", lag=7)])
    assert history.as_json("mine") == {
        "times": [100.0, 103.0],
        "messages_per_second": [None, 1.0],
        "rows_per_second": [2.0, 2.0],
        "lag": [None, 3],
    }
    assert history.as_json("another")["lag"] == [None, 7]


def test_what_is_older_than_is_kept_goes_and_memory_is_bounded_however_often_points_come():
    history = History(every_s=3.0, kept_s=30.0)
    for at_s in range(1000):
        history.add(float(at_s), [stream()])
    assert len(history.as_json("mine")["times"]) == 11
    history.add(2000.0, [stream()])
    assert history.as_json("mine")["times"] == [2000.0]


def test_a_clock_that_is_set_back_begins_anew():
    history = History()
    history.add(5000.0, [stream()])
    assert history.is_due(10.0)
    history.add(10.0, [stream()])
    assert history.as_json("mine")["times"] == [10.0]
