import pytest

from common.streams import STREAMS
from infra.demo.asked import ASKED, FIRST


def test_the_demo_asks_every_question_of_every_stream():
    every = {(name, question.name) for name, stream in STREAMS.items() for question in stream.questions}
    assert {(asked.stream, asked.question) for asked in ASKED} == every


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: f"{asked.stream}-{asked.question}")
def test_it_gives_the_parameters_that_have_no_default(asked):
    (question,) = (each for each in STREAMS[asked.stream].questions if each.name == asked.question)
    assert question.parameters.keys() - question.defaults.keys() <= asked.parameters.keys()
    assert asked.parameters.keys() <= question.parameters.keys()


def test_the_first_question_needs_no_answer_before_it():
    assert FIRST not in ASKED[0].parameters.values()
