import re
from itertools import combinations

import pytest

from common.streams import STREAMS
from infra.metabase.dashboards import COLLATZ, DASHBOARDS, WIDTH, stated

CARDS = [card for dashboard in DASHBOARDS for card in dashboard.cards]


def test_names_are_told_apart():
    assert len({card.name for card in CARDS}) == len(CARDS)
    assert len({dashboard.name for dashboard in DASHBOARDS}) == len(DASHBOARDS)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)
def test_a_dashboard_has_four_questions_that_do_not_overlap(dashboard):
    assert len(dashboard.cards) == 4
    places = [card.place for card in dashboard.cards]
    assert all(place.col + place.size_x <= WIDTH for place in places)
    for one, other in combinations(places, 2):
        beside = one.col + one.size_x <= other.col or other.col + other.size_x <= one.col
        below = one.row + one.size_y <= other.row or other.row + other.size_y <= one.row
        assert beside or below


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_variable_of_the_sql_has_a_default(card):
    assert set(re.findall(r"\{\{(\w+)\}\}", card.sql)) == set(card.numbers)
    assert not re.search(r"(?<!\{)\{(?!\{)", card.sql), "a placeholder is left"


def test_a_stated_question_is_the_streams_own():
    assert stated("ratings", "count_by_type") == STREAMS["ratings"].questions[0].sql.replace(
        "{table}", "shadow"
    )
    part = stated("collatz", "part", x="{{x}}", after="0")
    assert "value = toUInt128({{x}}) AND number > toUInt64(0)" in part


def test_collatz_asks_what_its_original_asked():
    asked = {"longest_step_chain", "highest_value", "part", "steps"}
    assert asked <= {question.name for question in STREAMS["collatz"].questions}
    texts = [card.sql for card in COLLATZ.cards]
    assert ["max(tuple(step, number)) AS m" in texts[0], "max(tuple(value, number)) AS m" in texts[1]] == [
        True,
        True,
    ]
    assert ["value = toUInt128({{x}})" in texts[2], "GROUP BY step" in texts[3]] == [True, True]


@pytest.mark.parametrize(
    "card", [card for card in CARDS if "graph.metrics" in card.look], ids=lambda card: card.name
)
def test_what_is_drawn_is_what_the_sql_selects(card):
    for name in card.look["graph.dimensions"] + card.look["graph.metrics"]:
        assert re.search(rf"\b{name}\b", card.sql.split(" FROM ")[0])
