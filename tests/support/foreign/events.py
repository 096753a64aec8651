"""What happens at a code host.

{"id": "1", "type": "PushEvent", "actor": {"id": 1, "login": "x"}, "repo": {"id": 2, "name": "a/b"}, "public": true,
"payload": {"commits": [{"sha": "c0ffee"}]}, "created_at": "2026-11-01T12:34:56Z", "org": {"login": "o"}}
"""

from datetime import datetime
from typing import Annotated

import msgspec

from common.model.derive import Column, Computed, table
from common.model.stream import Feed, Stream


class Actor(msgspec.Struct, gc=False):
    login: str


class Repo(msgspec.Struct, gc=False):
    name: str


class Event(msgspec.Struct, gc=False):
    id: str
    type: Annotated[str, Column("LowCardinality(String)", comment="as GitHub calls it, 'a, b' included")]
    actor: Actor
    repo: Repo
    payload: msgspec.Raw
    public: bool
    created_at: Annotated[datetime, Column("DateTime('UTC')")]
    org: Actor | None = None


NUMBER = Computed("UInt64", lambda events: [int(event.id) for event in events])
TABLE = table(Event, name="events", order_by="(type, created_at)", computed={"number": NUMBER})
STREAM = Stream(name="events", version=1, feeds=(Feed(topic="gh.events", event=Event, tables=(TABLE,)),))
