import pytest

from common.tls import TlsSettings, reason_of

SETTINGS = TlsSettings("WHERE", "AUTHORITIES", "OURS", "PROTOCOL")
CERTAIN = {
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate is not": "WHERE",
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: IP address mismatch, certificate": "WHERE",
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer": "AUTHORITIES",
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired": "renew it there",
    "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required": "OURS",
    "[SSL: SSLV3_ALERT_BAD_CERTIFICATE] sslv3 alert bad certificate": "OURS",
    "[SSL: WRONG_VERSION_NUMBER] wrong version number": "PROTOCOL",
    "[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found": "AUTHORITIES",
}


@pytest.mark.parametrize("text", CERTAIN)
def test_a_certain_failure_names_the_setting_that_mends_it(text):
    assert CERTAIN[text] in reason_of(text, SETTINGS)


@pytest.mark.parametrize(
    "text", ["Connection refused", "timed out", "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF"]
)
def test_what_may_pass_by_itself_is_not_certain(text):
    assert reason_of(text, SETTINGS) is None
