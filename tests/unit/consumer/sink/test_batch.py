from tests.unit.consumer.material import ONE_EACH, PARTS, batch, event


def test_its_rows_are_those_of_all_tables():
    assert batch([event(n, parts=3) for n in range(4)], ONE_EACH, PARTS).rows == 4 + 12


def test_a_batch_of_bad_messages_has_no_rows():
    made = batch([b"{bad"] * 3)
    assert (made.rows, made.messages, len(made.dead)) == (0, 3, 3)
