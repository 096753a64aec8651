"""What failed connections say for certain: a login or a certificate is wrong, and which setting mends it.

Pure but for kafka's error classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from kafka.errors import (
    IllegalSaslStateError,
    InvalidReceiveError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)

from common import tls
from common.tls import TlsSettings

TLS_ALERT = 0x1503
"""A TLS server answers what is not TLS with an alert, bytes 15 03 …, which Kafka's framing takes for a length."""

_LENGTH = re.compile(r"frame length: (\d+)")

_SETTINGS = TlsSettings(
    address="BOOTSTRAP_SERVERS (and in the brokers' advertised.listeners)",
    authorities="KAFKA_SSL_CAFILE",
    certificate="KAFKA_SSL_CERTFILE and KAFKA_SSL_KEYFILE",
    protocol="KAFKA_SECURITY_PROTOCOL",
)


def reason_of(options: Mapping[str, Any], error: BaseException) -> str | None:
    """Why a connection made with these options will fail again, and what to do; None if it may yet succeed."""
    protocol, mechanism = options["security_protocol"], options.get("sasl_mechanism")
    if isinstance(error, SaslAuthenticationFailedError):
        return (
            f"the login of {options.get('sasl_plain_username')!r} by {mechanism} failed: check "
            "KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM"
        )
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"the mechanism {mechanism} is off there: check KAFKA_SASL_MECHANISM"
    if isinstance(error, IllegalSaslStateError):
        return f"the port takes no login, KAFKA_SECURITY_PROTOCOL={protocol} sends one: check it and the port"
    text = str(error)
    if isinstance(error, InvalidReceiveError) and _is_tls_alert(text):
        return f"the port speaks TLS, KAFKA_SECURITY_PROTOCOL={protocol} does not: check it and the port"
    return tls.reason_of(text, _SETTINGS)


def refusal(
    options: Mapping[str, Any], last: Mapping[str, BaseException], said: Iterable[BaseException]
) -> str | None:
    """What is certain when an attempt to connect to the first brokers has failed; None: try again.

    `last`: broker → its last failure; `said`: everything that was met. A login is wrong on every broker alike; a
    certificate may be wrong on one while the next one is only late, so that all have to be met.
    """
    for error in said:
        if isinstance(error, SaslAuthenticationFailedError | UnsupportedSaslMechanismError):
            return reason_of(options, error)
    reasons = [reason_of(options, error) for error in last.values()]
    if len(reasons) < len(options["bootstrap_servers"]) or not all(reasons):
        return None
    return reasons[0]


def _is_tls_alert(text: str) -> bool:
    length = _LENGTH.search(text)
    return length is not None and int(length[1]) >> 16 == TLS_ALERT
