import pytest

from api.accepting import prefers_page

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        (CHROMIUM, True),
        ("text/html", True),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/problem+json", False),
        ("image/avif,image/webp,*/*", False),
        ("image/png", False),
    ],
)
def test_a_browser_that_was_given_an_address_has_a_page_and_others_have_json(accept, page):
    assert prefers_page(accept) is page


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        ("text/html;q=0.1, application/json", False),
        ("application/json;q=0.1, text/html;q=0.2", True),
        ("TEXT/HTML; Q=0.9 , */*; q=0.5", True),
        ("text/html;q=0.5, */*;q=0.8", False),
        ("text/html;level=1;q=0.9, application/json;q=0.8", True),
        ("text/html;q=0.4, application/*;q=0.5", False),
    ],
)
def test_the_greater_q_wins(accept, page):
    assert prefers_page(accept) is page


@pytest.mark.parametrize(
    ("accept", "page"),
    [("text/html, */*", True), ("text/*, */*", True), ("application/json, text/html", False)]
    + [("text/html, application/json", False), ("text/html, application/problem+json", False)],
)
def test_of_what_is_wanted_as_much_the_one_that_is_named_more_exactly_wins_or_else_json(accept, page):
    assert prefers_page(accept) is page


@pytest.mark.parametrize(
    ("accept", "page"),
    [("text/html;q=0", False), ("text/html;q=0, */*", False), ("application/json;q=0, text/html;q=0", False)]
    + [("application/json;q=0, application/problem+json;q=0, */*", True), ("text/html;q=much", False)],
)
def test_what_is_refused_is_not_given(accept, page):
    assert prefers_page(accept) is page
