"""An authority of the tests' own, certificates that it signs, and another authority that signed none of them."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

NAMES = ("localhost", "127.0.0.1")
ELSEWHERE = "elsewhere.example"


class Certificates:
    """PEM files in a folder: `ca` signs `server`, `elsewhere` (a server of another name) and `client`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        authority, stranger = trustme.CA(), trustme.CA()
        self._folder = folder
        self.ca, self.other_ca = folder / "ca.pem", folder / "other-ca.pem"
        authority.cert_pem.write_to_path(self.ca)
        stranger.cert_pem.write_to_path(self.other_ca)
        self.server = self._keep("server", authority.issue_cert(*NAMES))
        self.elsewhere = self._keep("elsewhere", authority.issue_cert(ELSEWHERE))
        self.client = self._keep("client", authority.issue_cert("client.example", common_name="client"))

    def _keep(self, name: str, issued: trustme.LeafCert) -> Path:
        """One file with the key, as PKCS 8 (Kafka takes no other), and the certificates."""
        key = load_pem_private_key(issued.private_key_pem.bytes(), None)
        file = self._folder / f"{name}.pem"
        file.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        )
        return file

    def server_context(self, certificate: Path, *, asks_client: bool = False) -> ssl.SSLContext:
        """What a TLS server of the tests needs to present `certificate`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        if asks_client:
            context.load_verify_locations(self.ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context
