from consumer.transform.work import Outputs


def test_there_are_as_many_outputs_as_bodies():
    assert len(Outputs()) == 0
    assert len(Outputs([b"a", b"b"], None, [1, 2], [3, 3], [0, 1])) == 2


def test_two_outputs_share_no_list():
    Outputs().values.append(b"a")
    assert Outputs().values == []


def test_a_part_has_what_the_outputs_have_at_these_places():
    whole = Outputs(
        [b"a", b"b", b"c"], [b"k", b"l", b"m"], [1, 2, 3], [4, 5, 6], [7, 8, 9], [b"x", b"y", b"z"]
    )
    assert whole.part([2, 0]) == Outputs([b"c", b"a"], [b"m", b"k"], [3, 1], [6, 4], [9, 7], [b"z", b"x"])
    assert Outputs([b"a"], None, [1], [4], [7]).part([0]) == Outputs([b"a"], None, [1], [4], [7])
