import asyncio
import threading

import pytest

from api import pool as pool_module
from api.pool import Pool
from common.errors import AskedTooMuch, OutOfMemory, TookTooLong
from common.settings.parts import ClickHouseSettings


def ask(work):
    pool = Pool(ClickHouseSettings(host="db.internal", port=9000))
    try:
        return asyncio.run(pool.run(work))
    finally:
        pool.close()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (TookTooLong, "the question took longer than 1.5 s: ask for fewer rows, or later"),
        (OutOfMemory, "the question needs more memory than there is: ask for fewer rows, or later"),
        (AskedTooMuch, "this is more than may be read or answered at once: ask for fewer rows"),
    ],
)
def test_a_question_that_runs_into_a_limit_is_told_in_words_for_everybody(kind, words):
    def work(asker):
        raise kind("question part: ClickHouse at db.internal:9000 gave it up (code 159)")

    with pytest.raises(kind) as caught:
        ask(work)
    assert (type(caught.value), str(caught.value)) == (kind, words)


def test_no_answer_in_time_is_told_without_an_address(monkeypatch):
    monkeypatch.setattr(pool_module, "ANSWER_S", 0.05)
    is_over = threading.Event()
    pool = Pool(ClickHouseSettings(host="db.internal", port=9000))
    try:
        with pytest.raises(TookTooLong, match=r"^ClickHouse has not answered within 0.05 s"):
            asyncio.run(pool.run(lambda asker: is_over.wait(10)))
    finally:
        is_over.set()
        pool.close()
