from common.model.ranges import Committed, Range


def test_commits_are_told_apart_by_offset_and_by_words():
    before = {("orders", 0): Committed(7, "{}")}
    assert before == {("orders", 0): Committed(7, "{}")}
    assert before != {("orders", 0): Committed(8, "{}")}
    assert before != {("orders", 0): Committed(7, "")}


def test_a_range_ends_before_its_next_offset():
    range_ = Range(tp=77, first=10, next=12)
    assert list(range(range_.first, range_.next)) == [10, 11]
    assert tuple(range_) == (77, 10, 12)
