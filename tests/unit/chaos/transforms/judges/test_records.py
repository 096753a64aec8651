from collections import Counter

from tests.chaos.transforms.judges.records import Input, Record, differences, inputs_of, judge_letters
from tests.chaos.transforms.ledger import Entry
from tests.chaos.transforms.messages import Sort, checksum

RECORDS = [Record(0, 0, 1, b"a"), Record(0, 1, 1, b"b"), Record(1, 0, 1, None)]
ENTRIES = [Entry(each.partition, each.offset, Sort.GOOD, checksum(each.value)) for each in RECORDS]


def test_what_was_acknowledged_and_is_there_is_an_input():
    inputs, findings = inputs_of("t", RECORDS, ENTRIES, [])
    assert findings == []
    assert [each.value for each in inputs] == [b"a", b"b", None]


def test_a_message_that_was_acknowledged_and_is_gone_is_found():
    _, findings = inputs_of("t", RECORDS[1:], ENTRIES, [])
    assert findings == ["t/0 offset 0: acknowledged, and not in the topic"]


def test_a_message_that_nobody_sent_is_found():
    _, findings = inputs_of("t", [*RECORDS, Record(1, 1, 1, b"?")], ENTRIES, [])
    assert findings == ["t/1 offset 1: not what was sent"]


def test_a_message_without_an_answer_may_be_there_or_not():
    unknown = [Entry(1, -1, Sort.BAD, checksum(b"?"))]
    inputs, findings = inputs_of("t", [*RECORDS, Record(1, 1, 1, b"?")], ENTRIES, unknown)
    assert (findings, inputs[-1].sort) == ([], Sort.BAD)
    assert inputs_of("t", RECORDS, ENTRIES, unknown)[1] == []


def test_an_address_that_was_acknowledged_twice_is_found():
    _, findings = inputs_of("t", RECORDS, [*ENTRIES, ENTRIES[0]], [])
    assert findings == ["t: 1 addresses were acknowledged twice"]


INPUTS = [Input((0, 0), 1, b"{", Sort.BAD), Input((0, 1), 1, b"7", Sort.GOOD)]


def letter(offset, value=b"{"):
    headers = (("penstock-partition", b"0"), ("penstock-offset", b"%d" % offset))
    return Record(0, 9, 1, value, headers)


def judged(*letters, least=1, most=1):
    return judge_letters("t", INPUTS, letters, least=least, most=most)


def test_each_bad_message_has_its_letter():
    assert judged(letter(0)) == []
    assert judged() == ["t/0 offset 0: 0 dead letters, 1 are wanted"]
    assert judged(letter(0), letter(0)) == ["t/0 offset 0: 2 dead letters, repeated"]
    assert judged(letter(0), letter(0), most=None) == []
    assert judged(letter(0), least=2) == ["t/0 offset 0: 1 dead letters, 2 are wanted"]


def test_a_letter_of_a_good_message_or_with_another_value_is_found():
    assert judged(letter(0), letter(1)) == ["t/0 offset 1: a dead letter of a good message"]
    assert judged(letter(0, b"[")) == ["t/0 offset 0: its dead letter is not the message"]


def test_rows_are_compared_with_their_number():
    assert differences("t", Counter("ab"), Counter("ab")) == []
    assert differences("t", Counter("ab"), Counter("bb")) == ["t: missing 1 × a", "t: 1 too many of b"]
