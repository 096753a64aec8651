"""One Kafka broker with logins, TLS and access rights, beside the stack: four listeners and an administrator.

    broker.sasl        SASL_SSL (SCRAM-SHA-512, PLAIN) with a certificate for localhost
    broker.mutual      SSL that asks for a client certificate
    broker.misnamed    SASL_SSL with a certificate for another host
    broker.address     PLAINTEXT, where everybody is administrator

Nobody else has any right: `broker.allow(user, …)` gives it, `broker.forbid(user, …)` takes it back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from kafka import KafkaProducer
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from infra.local import probes
from infra.local.broker_files import SETTINGS, format_data, id_from
from infra.local.distribution import Distribution
from infra.local.ports import HOST, pick_free
from infra.local.service import Service
from infra.local.settings import KAFKA_PORTS
from tests.support.certificates import Certificates

PASSWORDS = {"alice": "correct-horse", "bob": "battery-staple", "carol": "tr0ub4dor"}
"""alice and carol log in by SCRAM-SHA-512, bob by PLAIN."""
PLAIN_USER = "bob"
LOGIN = "org.apache.kafka.common.security.{kind} required {rest};"

LISTENERS = """\
node.id=1
process.roles=broker,controller
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={data}
listeners=ADMIN://127.0.0.1:{admin},SASL://127.0.0.1:{sasl},MUTUAL://127.0.0.1:{mutual},\
MISNAMED://127.0.0.1:{misnamed},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=ADMIN://127.0.0.1:{admin},SASL://localhost:{sasl},MUTUAL://localhost:{mutual},\
MISNAMED://localhost:{misnamed}
listener.security.protocol.map=ADMIN:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL,MUTUAL:SSL,MISNAMED:SASL_SSL
inter.broker.listener.name=ADMIN
sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
ssl.truststore.type=PEM
ssl.truststore.location={ca}
ssl.keystore.type=PEM
ssl.keystore.location={server}
listener.name.misnamed.ssl.keystore.type=PEM
listener.name.misnamed.ssl.keystore.location={elsewhere}
listener.name.mutual.ssl.client.auth=required
listener.name.mutual.ssl.principal.mapping.rules=RULE:^.*[Cc][Nn]=([^,]*).*$/$1/
"""


class SecureBroker(Service):
    """Broker and controller in one."""

    def __init__(self, folder: Path, distribution: Distribution, certificates: Certificates) -> None:
        super().__init__("secure-kafka", folder)
        free = pick_free()
        (self.port, sasl, mutual), (misnamed, self._controller, _) = free.brokers, free.controllers
        self.sasl, self.mutual, self.misnamed = (f"localhost:{port}" for port in (sasl, mutual, misnamed))
        self._distribution = distribution
        self._certificates = certificates

    @property
    def address(self) -> str:
        """host:port of the plain listener."""
        return f"{HOST}:{self.port}"

    def answers(self) -> bool:
        """Whether it serves."""
        return 1 in probes.brokers_seen_by(self.port)

    def _ports(self) -> Iterable[tuple[str, int]]:
        return ((KAFKA_PORTS, self.port),)

    def _prepare(self) -> list[str]:
        properties = self.folder / "server.properties"
        alone = re.sub(r"(factor|isr|replicas)=\d", r"\1=1", SETTINGS)
        shared = [line for line in alone.splitlines() if not line.startswith(_own_keys())]
        properties.write_text("\n".join([*shared, self._listeners(), self._logins()]))
        format_data(self.data, 1, id_from(str(self.folder)), self._distribution.first_records)
        return self._distribution.java.command("kafka.Kafka", str(properties), temporary=self.folder)

    def _listeners(self) -> str:
        sasl, mutual, misnamed = (at.rpartition(":")[2] for at in (self.sasl, self.mutual, self.misnamed))
        return LISTENERS.format(
            admin=self.port, sasl=sasl, mutual=mutual, misnamed=misnamed, controller=self._controller,
            data=self.data, ca=self._certificates.ca, server=self._certificates.server,
            elsewhere=self._certificates.elsewhere,
        )  # fmt: skip

    def _logins(self) -> str:
        scram = LOGIN.format(kind="scram.ScramLoginModule", rest="")
        plain = LOGIN.format(
            kind="plain.PlainLoginModule", rest=f'user_{PLAIN_USER}="{PASSWORDS[PLAIN_USER]}"'
        )
        return "\n".join(
            f"listener.name.{listener}.{mechanism}.sasl.jaas.config={login}"
            for listener in ("sasl", "misnamed")
            for mechanism, login in (("scram-sha-512", scram), ("plain", plain))
        )

    @cached_property
    def admin(self) -> KafkaAdminClient:
        """An administrator's client."""
        return KafkaAdminClient(bootstrap_servers=self.address)

    def add_users(self) -> None:
        """Make the logins that Kafka itself keeps."""
        for user in PASSWORDS:
            if user != PLAIN_USER:
                self.add_user(user)

    def add_user(self, user: str) -> None:
        """Make a login by SCRAM-SHA-512."""
        password = PASSWORDS.setdefault(user, f"{user}-password")
        made = self.admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_512, password.encode())]
        )
        assert made == {user: None}, made

    def send(self, topic: str, value: bytes) -> None:
        """Send one message, as the administrator."""
        producer = KafkaProducer(bootstrap_servers=self.address)
        producer.send(topic, value).get(10)
        producer.close()

    def allow(self, user: str, resource: str, *operations: str) -> None:
        """Give rights, e.g. allow("alice", "topic:numbers", "READ", "DESCRIBE"); the cluster is "cluster:"."""
        done = self.admin.create_acls([_right(user, resource, operation) for operation in operations])
        assert not done["failed"], done

    def forbid(self, user: str, resource: str, *operations: str) -> None:
        """Take rights back."""
        taken = self.admin.delete_acls([_right(user, resource, operation) for operation in operations])
        assert all(matching for _, matching, _ in taken), taken

    def environment(self, at: str, user: str = "alice", mechanism: str = "SCRAM-SHA-512") -> dict[str, str]:
        """The settings of a service that logs in there as `user`."""
        return {
            "BOOTSTRAP_SERVERS": at,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SSL_CAFILE": str(self._certificates.ca),
            "KAFKA_SASL_MECHANISM": mechanism,
            "KAFKA_SASL_USERNAME": user,
            "KAFKA_SASL_PASSWORD": PASSWORDS[user],
            "REPLICATION_FACTOR": "1",
            "MIN_INSYNC_REPLICAS": "1",
        }


def _own_keys() -> tuple[str, ...]:
    return tuple(line.split("=")[0] + "=" for line in LISTENERS.splitlines())


def _right(user: str, resource: str, operation: str) -> ACL:
    kind, _, name = resource.partition(":")
    pattern = ResourcePattern(
        ResourceType[kind.upper()], name or "kafka-cluster", ACLResourcePatternType.LITERAL
    )
    return ACL(f"User:{user}", "*", ACLOperation[operation], ACLPermissionType.ALLOW, pattern)
