from __future__ import annotations

import signal

import pytest

from infra.local import interrupts


@pytest.fixture(autouse=True)
def signals_as_a_process_starts_with():
    """Whoever runs the tests may have handlers of its own: the servers' fixture turns SIGTERM into Ctrl-C."""
    wanted = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_postponed_interrupt_comes_after_the_block():
    reached = False
    with pytest.raises(KeyboardInterrupt):
        with interrupts.postponed():
            signal.raise_signal(signal.SIGINT)
            reached = True
    assert reached


def test_sigterm_becomes_an_exception_so_that_finally_runs():
    with pytest.raises(SystemExit) as caught:
        with interrupts.raised():
            signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_handler_of_the_caller_is_left_alone():
    seen: list[int] = []
    previous = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        with interrupts.raised():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert seen == [signal.SIGTERM]


def test_the_first_ctrl_c_asks_and_the_second_is_raised():
    before = signal.getsignal(signal.SIGINT)
    with interrupts.asked(once=True) as asked:
        signal.raise_signal(signal.SIGINT)
        assert asked.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    with interrupts.asked(once=False) as asked, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert not asked.is_set()
