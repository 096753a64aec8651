from tests.chaos.transforms.ledger import Entry, Ledger
from tests.chaos.transforms.messages import Message, Sort, checksum

MESSAGE = Message(b"{", Sort.BAD)


def test_an_answer_ends_the_waiting_and_is_remembered_with_its_sort():
    ledger = Ledger()
    for _ in range(2):
        ledger.hand_over()
    ledger.acknowledge("t", 1, 5, MESSAGE)
    ledger.give_up("t", 2, MESSAGE)
    assert (ledger.waiting, len(ledger), ledger.unknown) == (0, 1, 1)
    acknowledged, unknown = ledger.of("t")
    assert acknowledged == [Entry(1, 5, Sort.BAD, checksum(b"{"))]
    assert unknown == [Entry(2, -1, Sort.BAD, checksum(b"{"))]
