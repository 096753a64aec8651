import pytest
from kafka.errors import (
    IllegalSaslStateError,
    InvalidReceiveError,
    KafkaConnectionError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)

from common.kafka_io.refusal import reason_of, refusal

OPTIONS = {
    "bootstrap_servers": ["one:9093", "two:9093"],
    "security_protocol": "SASL_SSL",
    "sasl_mechanism": "PLAIN",
    "sasl_plain_username": "ann",
    "sasl_plain_password": "hush",
}
REFUSED = KafkaConnectionError("111 ECONNREFUSED")
UNTRUSTED = KafkaConnectionError(
    "Handshake failed: [SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer"
)
LOGIN = SaslAuthenticationFailedError("Authentication failed")
CERTAIN = {
    "a login": (LOGIN, "login of 'ann' by PLAIN failed: check KAFKA_SASL_USERNAME"),
    "a mechanism": (UnsupportedSaslMechanismError(), "KAFKA_SASL_MECHANISM"),
    "no login wanted": (IllegalSaslStateError(), "takes no login"),
    "a TLS alert read as a length": (InvalidReceiveError("Invalid frame length: 352518912"), "speaks TLS"),
    "a certificate": (UNTRUSTED, "KAFKA_SSL_CAFILE"),
}


@pytest.mark.parametrize("case", CERTAIN)
def test_a_certain_failure_names_what_to_mend_and_no_password(case):
    error, says = CERTAIN[case]
    reason = reason_of(OPTIONS, error)
    assert says in reason
    assert "hush" not in reason


@pytest.mark.parametrize(
    "error",
    [REFUSED, InvalidReceiveError("Invalid frame length: 12"), KafkaConnectionError("socket disconnected")],
)
def test_a_broker_that_is_not_up_yet_is_no_refusal(error):
    assert reason_of(OPTIONS, error) is None


def test_a_login_that_one_broker_refuses_is_refused_by_all():
    assert refusal(OPTIONS, {"bootstrap-0": REFUSED}, [LOGIN, REFUSED]) == reason_of(OPTIONS, LOGIN)


@pytest.mark.parametrize("other", [{}, {"bootstrap-1": REFUSED}], ids=["not met", "late"])
def test_a_certificate_is_judged_when_every_broker_was_met(other):
    assert refusal(OPTIONS, {"bootstrap-0": UNTRUSTED} | other, [UNTRUSTED]) is None
    assert refusal(OPTIONS, {"bootstrap-0": UNTRUSTED, "bootstrap-1": UNTRUSTED}, [UNTRUSTED]) is not None
