from common.errors import DoesNotFit
from consumer.lane import Lane
from consumer.opening import Opening
from tests.unit.consumer.material import HERE, NO_LIMITS, STANDING, TP, event, feed, slab


def refuse(table, columns):
    if 1 in columns["n"]:
        raise DoesNotFit("n", "UInt8", "out of range")


def test_a_lane_that_is_opened_anew_checks_what_it_reads_as_the_first_one_did():
    opening = Opening(None, None, {}, NO_LIMITS, group_name="team", check=refuse)
    fresh = opening.reopen(Lane(feed(), HERE, TP, 0, STANDING, NO_LIMITS), parked="for a test")
    fresh.take([slab([event(n) for n in range(3)])], 3)
    fresh.fill(0.0, hurry=True)
    assert [letter.record.offset for letter in fresh.ready.batch.dead] == [1]
