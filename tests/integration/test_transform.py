"""Transforms on real brokers: each message counted once, whatever dies."""

from __future__ import annotations

import json

import pytest

from tests.support.stages import Stages, sources


@pytest.fixture
def ratings(stack, request):
    with Stages(stack, request.node.name, "ratings") as stages:
        yield stages


def wanted_type(rating):
    for divisor, name in ((15, "ShaDow"), (3, "Sha"), (5, "Dow")):
        if rating % divisor == 0:
            return name
    return "Incompatible"


def test_each_message_makes_one_output_whatever_dies(ratings):
    workers = [ratings.start("transform"), ratings.start("transform")]
    sent = ratings.generate(3_000)["dominate"]
    workers[0].kill()
    sent += ratings.generate(3_000, seed=2)["dominate"]
    ratings.start("transform")
    workers[1].kill()
    sent += ratings.generate(3_000, seed=3)["dominate"]
    ratings.await_done("dominate")
    inputs, outputs = ratings.read("dominate"), ratings.read("shadow")
    assert len(inputs) == len(sent) == len(outputs)
    assert len(set(sources(outputs))) == len(outputs)
    people = {rating["unique_id"]: rating["rating"] for rating in map(json.loads, sent)}
    made = {shadow["unique_id"]: shadow["type"] for shadow in (json.loads(each.value) for each in outputs)}
    assert made == {name: wanted_type(rating) for name, rating in people.items()}
