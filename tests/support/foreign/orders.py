"""Orders of a shop and their lines.

{"order_id": "00000000-0000-0000-0000-000000000001", "customer": {"email": null}, "currency": "EUR",
"lines": [{"sku": "A", "qty": 2, "price": "19.99"}], "total": "39.98", "ts": 1795000000123, "status": "NEW"}
"""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from common.model.derive import Column, table
from common.model.stream import Feed, Stream

Money = Annotated[Decimal, Column("Decimal(18,2)")]
Customer = msgspec.defstruct("Customer", [("email", str | None, None)], gc=False)


class Line(msgspec.Struct, gc=False):
    sku: str
    qty: Annotated[int, Column("UInt16")]
    price: Money


class Order(msgspec.Struct, gc=False):
    order_id: UUID
    customer: Customer  # type: ignore[valid-type]
    lines: list[Line]
    total: Money
    currency: Annotated[str, Column("LowCardinality(String)")]
    ts: Annotated[int, Column("DateTime64(3, 'UTC')", unit="ms")]
    status: Annotated[Literal["NEW", "PAID"], Column("Enum8('NEW'=1,'PAID'=2)")]


ORDERS = table(Order, name="orders", order_by="order_id")
LINES = table(
    Order, name="order_lines", order_by="(order_id, line)", each="lines", carry=["order_id"], index="line"
)
FEED = Feed(topic="shop.orders", event=Order, tables=(ORDERS, LINES))
STREAM = Stream(name="orders", version=1, feeds=(FEED,))
