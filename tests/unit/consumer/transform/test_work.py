from consumer.transform.work import Outputs


def test_there_are_as_many_outputs_as_bodies():
    assert len(Outputs()) == 0
    assert len(Outputs([b"a", b"b"], None, [1, 2], [3, 3], [0, 1])) == 2


def test_two_outputs_share_no_list():
    Outputs().values.append(b"a")
    assert Outputs().values == []
