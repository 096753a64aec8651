from __future__ import annotations

import random

from tests.chaos.crew import Crew


class Process:
    is_running = True
    is_asked_to_stop = False

    def stop(self, timeout_s):
        self.is_asked_to_stop = True


class Pipeline:
    """Starts nothing, and remembers the names."""

    def __init__(self):
        self.names = []

    def start_sink(self, INSTANCE):
        self.names.append(INSTANCE)
        return Process()


def names_of(seed, count=6):
    pipeline = Pipeline()
    Crew(pipeline, print, random.Random(seed)).resize(count)
    return pipeline.names


def test_sinks_get_names_that_tell_nothing_about_their_age():
    names = names_of(1, 50)
    assert len(set(names)) == 50
    assert sum(before < after for before, after in zip(names, names[1:], strict=False)) < 40


def test_the_same_seed_gives_the_same_names():
    assert names_of(1) == names_of(1) != names_of(2)


def test_who_leaves_when_there_are_too_many_is_not_always_the_youngest():
    left = set()
    for seed in range(20):
        crew = Crew(Pipeline(), print, random.Random(seed))
        crew.resize(3)
        before = crew.members()
        crew.resize(2)
        left |= {index for index, member in enumerate(before) if member not in crew.members()}
        assert all(member.process.is_asked_to_stop for member in before if member not in crew.members())
    assert left == {0, 1, 2}


class Ended:
    """A process that ended with a traceback in its log."""

    is_running = False

    def __init__(self):
        self.text = "Traceback: " + "somewhere " * 500 + "KeyError: 'the cause'"

    def wait(self, timeout_s):
        return 1

    def log_text(self):
        return f"first line\n{self.text}\n"


def test_a_sink_that_ended_by_itself_is_told_with_the_cause_at_the_end_of_its_traceback():
    told = []
    pipeline = Pipeline()
    started = iter([Ended(), Process()])
    pipeline.start_sink = lambda INSTANCE: next(started)
    crew = Crew(pipeline, told.append, random.Random(1))
    crew.resize(1)
    crew.supervise()
    (said,) = crew.ended_by_themselves
    assert told == [said]
    assert "exit code 1" in said and said.endswith("KeyError: 'the cause'")
    assert len(crew.members()) == 1
