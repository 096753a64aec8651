"""A round judges what can be asked, and gives up only where nothing can."""

import pytest

from common.errors import KafkaUnavailable
from common.model.record import Partition
from common.process.clock import Clock
from common.settings.config import Settings
from common.streams import STREAMS
from consumer.audit.judge import Verdict
from consumer.audit.round import Round
from consumer.audit.stage import StageVerdict

SENSORS = STREAMS["sensors"]
CLOCK = Clock(lambda: 0.0, lambda: 0.0, lambda seconds: None, lambda: 1.8e9)


class Fake:
    """An auditor of which some topics do not answer; also the stages of it."""

    def __init__(self, *silent):
        self.silent, self.stages = silent, self

    def audit(self, *asked, count_events=True):
        if isinstance(asked[0], str):
            transform = asked[1]
            self._ask(transform.source)
            return StageVerdict(f"{asked[0]}.{transform.name}", transform.source, transform.target)
        self._ask(asked[0].topic)
        return [Verdict(Partition(asked[0].topic, 0), 1, 0, 5)]

    def _ask(self, topic):
        if topic in self.silent:
            raise KafkaUnavailable(f"{topic}: a transaction has been open for long")


def found(monkeypatch, *silent):
    for name in ("look", "look_at_transforms"):
        monkeypatch.setattr(f"consumer.audit.round.{name}", lambda *_: {})
    return Round(None, Fake(*silent), Settings.from_env({}), [SENSORS], CLOCK).found()


def test_a_topic_that_does_not_answer_leaves_the_others_judged(monkeypatch):
    looked = {(each.row.stage, each.row.topic): each.looked for each in found(monkeypatch, "humidity")}
    assert len(looked) == len(SENSORS.feeds) + len(SENSORS.transforms)
    assert {topic for (_, topic), yes in looked.items() if not yes} == {"humidity"}
    (why,) = {each.row.notes for each in found(monkeypatch, "humidity") if not each.looked}
    assert why == ("humidity: a transaction has been open for long",)


def test_a_round_in_which_nothing_answers_is_tried_again(monkeypatch):
    with pytest.raises(KafkaUnavailable):
        found(monkeypatch, *SENSORS.topics)
