"""Every error Penstock raises on purpose. A message says what happened, where, and what to do next.

PenstockError
├── SettingError            a variable has a value that is not allowed            stop, exit code 2
├── NotStored               there is no answer: nothing is stored yet             answer 404
├── NotAllowed              a value of a parameter is not allowed                 answer 422, name what is
├── BadData                 no row can be made of this message                    dead-letter it, go on
│   └── DoesNotFit          a value does not fit its column                   dead-letter the message, go on
├── StartRefused            going on could repeat or lose rows                    stop, name the command
│   └── SchemaMismatch      a table is missing or differs from its stream         stop, name the ALTER
├── FeedBlocked             this feed cannot go on, the others can                park the feed
│   ├── ClickHouseRefused   ClickHouse says no for good (type, table, right)      park the feed
│   │   └── AskedTooMuch    a query passes a limit of rows or bytes               answer 422, ask for less
│   ├── UnreadableBatch     Kafka holds a batch that cannot be decoded         park the feed
│   ├── OffsetRefused       going on at a committed offset could repeat rows      park the feed
│   └── DataExpired         retention cut into rows that are not stored yet       park the feed
├── KafkaRefused            Kafka says no for good (no topic, no right)           stop, name what is missing
│   └── KafkaDenied         a right is missing, which may be given yet        sink: wait, try again
├── KafkaUnavailable        no broker answers, or not in time          retriable  wait, try again
├── ClickHouseUnavailable   no answer, or a passing refusal            retriable  wait, go through recovery
│   ├── TookTooLong         a query was given up after its limit       retriable  ask for less, or later
│   ├── OutOfMemory         a query needs more memory than there is    retriable  ask for less, or later
│   └── BlockTooBig         a block of this size was reset or refused  retriable  split it, go through recovery
├── CommitRefused           surely not applied (R1)                    retriable  drop buffers, read the truth
├── CommitAmbiguous         may be applied, now or later (R1)          retriable  leave the group, join anew
└── TransactionLost         may be committed or not (T8)               retriable  new producer, read the truth
    └── OutputRefused       a topic will not take an output            retriable  park what writes there
"""

from __future__ import annotations

from common.model.reasons import Kind, Reason


class PenstockError(Exception):
    """Base of all. `retriable` says whether the same call may succeed later without anybody changing anything."""

    retriable = False


class SettingError(PenstockError):
    """A setting is missing or not allowed; one line: variable, value (masked if secret), what is allowed."""


class NotStored(PenstockError):
    """There is no answer to a question, because nothing is stored yet."""


class NotAllowed(PenstockError):
    """A value of a question's parameter that is not allowed; `where` names the parameter."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.where, self.message = where, message


class BadData(PenstockError):
    """A message that no row can be made of. The text is the reason; it never holds values of the message."""

    def __init__(self, kind: Kind, detail: str = "") -> None:
        self.reason = Reason(kind, detail)
        super().__init__(str(self.reason))

    @property
    def kind(self) -> Kind:
        """What is wrong, from a fixed list."""
        return self.reason.kind


class DoesNotFit(BadData, ValueError):
    """A value does not fit its column; the text names the column and its type."""

    def __init__(self, column: str, kind: str, flaw: str) -> None:
        super().__init__(Kind.NOT_ENCODABLE, f"column {column}, {kind}: {flaw}")


class StartRefused(PenstockError):
    """Starting here could repeat or lose rows; the text names what was found and the command that resolves it."""


class SchemaMismatch(StartRefused):
    """A table is missing or differs from what its stream states; the text holds the statement that mends it."""


class FeedBlocked(PenstockError):
    """One feed cannot go on until somebody acts; the other feeds can."""


class ClickHouseRefused(FeedBlocked):
    """ClickHouse refused a statement and will refuse it again."""


class AskedTooMuch(ClickHouseRefused):
    """A query would read or answer more rows or bytes than its limits allow."""


class OffsetRefused(FeedBlocked):
    """What is committed for a partition does not fit its tables, or was not written by us: a person must decide."""


class DataExpired(FeedBlocked):
    """Kafka no longer holds records that were not stored yet."""


class KafkaRefused(PenstockError):
    """Kafka refused and will refuse again: a topic is missing, a login or certificate is wrong, or a right."""


class KafkaDenied(KafkaRefused):
    """Who we logged in as lacks a right; the text names the right."""


class UnreadableBatch(FeedBlocked):
    """Messages cannot be read: damaged, of a codec that is not installed, or too large together; `topic` says whose."""

    def __init__(self, topic: str, text: str) -> None:
        super().__init__(text)
        self.topic = topic


class KafkaUnavailable(PenstockError):
    """No broker answered in time."""

    retriable = True


class ClickHouseUnavailable(PenstockError):
    """ClickHouse did not answer, or refused for a passing reason. What was sent may or may not be stored."""

    retriable = True


class TookTooLong(ClickHouseUnavailable):
    """A statement was given up, since it took longer than it may."""


class OutOfMemory(ClickHouseUnavailable):
    """A query needs more memory than it may take, or than the server has right now."""


class BlockTooBig(ClickHouseUnavailable):
    """The connection was reset, or memory refused, in a way that a smaller block may pass."""


class CommitRefused(PenstockError):
    """The commit was not applied and never will be."""

    retriable = True


class CommitAmbiguous(PenstockError):
    """The commit may be applied, now or later: only a new generation of the group makes it certain."""

    retriable = True


class TransactionLost(PenstockError):
    """The transaction may be committed or not; its producer is gone. What is committed tells, read after a new one."""

    retriable = True


class OutputRefused(TransactionLost):
    """A topic does not take one of the messages, whoever sends it; nothing of the transaction is committed."""

    def __init__(self, topic: str, text: str) -> None:
        super().__init__(text)
        self.topic = topic
