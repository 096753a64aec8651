import pytest

from common.settings.limits import ProducerLimits
from common.settings.options import options_of, problems_in


def test_each_limit_has_a_flag_and_a_variable_and_may_be_left_out():
    named = {option.flag: option.variable for option in options_of(ProducerLimits)}
    assert named == {
        "--events": "PRODUCER_EVENTS",
        "--rate": "PRODUCER_RATE",
        "--seconds": "PRODUCER_SECONDS",
        "--seed": "PRODUCER_SEED",
    }
    assert ProducerLimits() == ProducerLimits(None, None, None, None)


@pytest.mark.parametrize("text", ["0", "-1", "fast", "inf", "nan", "1e13"])
@pytest.mark.parametrize(
    "variable", ["PRODUCER_EVENTS", "PRODUCER_RATE", "PRODUCER_SECONDS", "PRODUCER_SEED"]
)
def test_what_is_no_limit_is_refused(variable, text):
    (problem,) = problems_in({variable: text}, ProducerLimits)
    assert problem.startswith(f"{variable}={text} is not allowed")
