"""What devices measure.

{"device": "d-1", "t": "2026-11-01T12:34:56.123456+02:00", "temp": 21.5, "hum": null, "tags": {"site": "a"},
"ip": "10.0.0.1", "seq": 18446744073709551615}
"""

from typing import Annotated

import msgspec

from common.model.derive import Column, table
from common.model.stream import Feed, Stream


class Reading(msgspec.Struct, gc=False):
    device: Annotated[str, Column("LowCardinality(String)")]
    t: Annotated[str, Column("DateTime64(6,'UTC')")]
    temp: Annotated[float, Column("Float32")]
    tags: dict[str, str]
    ip: Annotated[str, Column("IPv4")]
    seq: Annotated[int, Column("UInt64")]
    hum: Annotated[float | None, Column("Nullable(Float32)")] = None


TABLE = table(Reading, name="readings", order_by="(device, t)", partition_by="toYYYYMM(t)")
STREAM = Stream(
    name="readings", version=1, feeds=(Feed(topic="iot.readings", event=Reading, tables=(TABLE,)),)
)
