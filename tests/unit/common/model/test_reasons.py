from common.errors import BadData
from common.model.reasons import Kind, Reason


def test_a_reason_is_its_kind_and_what_more_may_be_told():
    assert str(Reason(Kind.WRONG_TYPE, "at `$.n`")) == "wrong type: at `$.n`"
    assert str(Reason(Kind.TOO_DEEP)) == "nested too deeply"


def test_bad_data_carries_its_reason():
    error = BadData(Kind.TOO_LARGE, "more than 5 rows (MAX_MESSAGE_ROWS)")
    assert (str(error), error.kind) == ("too large: more than 5 rows (MAX_MESSAGE_ROWS)", Kind.TOO_LARGE)
    assert error.reason == Reason(Kind.TOO_LARGE, "more than 5 rows (MAX_MESSAGE_ROWS)")


def test_kinds_are_short_enough_for_labels_and_all_different():
    texts = [kind.value for kind in Kind]
    assert max(map(len, texts)) <= 25
    assert len(set(texts)) == len(texts) == len(Kind.__members__)
