from api.problem_page import page_of
from api.problems import problem, unavailable


def test_the_page_says_what_the_problem_says_and_leads_on():
    page = page_of(problem(404, "there is no stream foo"), ["mine", "a/b"])
    text = page.body.decode()
    assert (page.status_code, page.media_type) == (404, "text/html")
    assert "<h1>Not found</h1>" in text
    assert "There is no stream foo." in text
    for link in ("/", "/live/mine", "/live/a/b", "/letters", "/docs"):
        assert f'href="{link}"' in text


def test_what_was_typed_is_text_on_the_page():
    text = page_of(problem(404, "nothing at /<script>alert(1)</script>$title"), []).body.decode()
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;$title" in text


def test_the_page_keeps_what_the_problem_tells_in_headers():
    page = page_of(unavailable("later"), [])
    assert page.headers["Retry-After"] == "2"
    assert page.headers["Content-Type"].startswith("text/html")
    assert int(page.headers["Content-Length"]) == len(page.body)
