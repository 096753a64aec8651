"""What a failed TLS handshake says for certain, and which setting mends it. Pure."""

from __future__ import annotations

from typing import NamedTuple


class TlsSettings(NamedTuple):
    """What the settings are called that a reason names."""

    address: str
    authorities: str
    certificate: str
    protocol: str


_REASONS = {
    "Hostname mismatch": "the certificate names another host: use the name it bears in {address}",
    "IP address mismatch": "the certificate does not name this address: use the name it bears in {address}",
    "certificate has expired": "the server's certificate has expired: renew it there",
    "CERTIFICATE_VERIFY_FAILED": "no authority we trust has signed the certificate: check {authorities}",
    "CERTIFICATE_REQUIRED": "the server wants a certificate of ours: set {certificate}",
    "ALERT_BAD_CERTIFICATE": "the server does not accept our certificate: check {certificate}",
    "ALERT_UNKNOWN_CA": "the server does not trust who signed our certificate: check {certificate}",
    "ALERT_CERTIFICATE_EXPIRED": "our certificate has expired: renew {certificate}",
    "WRONG_VERSION_NUMBER": "the port does not speak TLS: check {protocol} and the port",
    "[X509": "a certificate file cannot be used: check {authorities} and {certificate}",
    "[SSL] PEM lib": "a certificate file cannot be used: check {certificate}",
}


def reason_of(text: str, settings: TlsSettings) -> str | None:
    """Why a handshake that failed with `text` (of Python's ssl) will fail again; None if it may yet succeed."""
    for sign, reason in _REASONS.items():
        if sign in text:
            return reason.format(**settings._asdict())
    return None
