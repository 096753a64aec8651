"""Tables derived from the type of their events: columns, DDL, rows and checks, stated once. Pure.

class Reading(msgspec.Struct, gc=False):
    device: Annotated[str, Column("LowCardinality(String)")]
    t: Annotated[str, Column("DateTime64(6, 'UTC')")]
    temp: Annotated[float, Column("Float32")]
    tags: dict[str, str]

READINGS = table(Reading, name="readings", order_by="(device, t)", partition_by="toYYYYMM(t)")

`record={"key": Key(), "sent": Timestamp()}` adds columns of what the message carries beside its value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import msgspec
import numpy as np

from common.model.columns import index_within
from common.model.conversions import conversion, guarded
from common.model.fields import Column, Field, Getter, fields_of, getter
from common.model.fitting import fitted
from common.model.identifiers import literal, quoted
from common.model.partitions import PartitionOf, partition_of
from common.model.record_columns import RecordColumn
from common.model.record_values import RecordValues
from common.model.stream import ADDRESS_COLUMNS, OWN_SETTINGS, Rows, Table
from common.model.times import Convert

__all__ = ["Column", "Computed", "table"]


class Computed(NamedTuple):
    """A column that no field states: its type, and what gives its values, one per event."""

    type: str
    values: Callable[[Sequence[Any]], Sequence[Any]]
    codec: str = ""
    comment: str = ""


class _Source(NamedTuple):
    """Where a column comes from, and how its values become one. `repeats`: it is of the event, not of the item."""

    name: str
    type: str
    values: Callable[[Sequence[Any]], Sequence[Any]]
    convert: Convert
    ddl: str
    repeats: bool = False


def table(
    event: type[msgspec.Struct],
    *,
    name: str,
    order_by: str,
    partition_by: str = "",
    computed: Mapping[str, Computed] | None = None,
    each: str = "",
    carry: Sequence[str] = (),
    index: str = "index",
    extra: Sequence[str] = (),
    record: Mapping[str, RecordColumn] | None = None,
    settings: Mapping[str, int | float | str] | None = None,
    variable: str | None = None,
) -> Table:
    """A MergeTree table with a column for each field of `event`, those of nested Structs included.

    With `each`, the name of a field that holds a list of Structs, the table has a row for each of them: their fields,
    those of the event that `carry` names, and their index in the column `index`. `extra` are further items of the
    DDL: projections, indices, constraints. `record` maps further columns to what of Kafka's record fills them, the
    same in each row of a message. `settings` are those of the table, beside Penstock's own. Raises ValueError, in one
    line, for a declaration that contradicts itself.
    """
    sources = _sources(event, each, carry) if each else [_source(field) for field in fields_of(event)]
    sources += [_computed(column, made) for column, made in (computed or {}).items()]
    of_record = dict(record or {})
    _refuse_names(event, [source.name for source in sources] + list(of_record), [index] * bool(each))
    rows = _rows_of_items(sources, getter((each,)), index) if each else _rows(sources)
    own = [f"{quoted(index)} UInt32"] * bool(each) + [_ddl(*filled) for filled in of_record.items()]
    made = Table(
        name=name,
        ddl=_create([*_ddls(sources), *own], extra, order_by, partition_by) + _settings(settings or {}),
        rows=rows,
        partition_of=_partition_of(partition_by, sources, of_record),
        variable=variable,
        event_rows=f"{quoted(index)} = 0" if each else None,
        record=of_record,
    )
    RecordValues(made)  # refuses a type that cannot hold what the record has
    return made


def _sources(event: type[msgspec.Struct], each: str, carry: Sequence[str]) -> list[_Source]:
    own = {field.name: field for field in fields_of(event)}
    if missing := [name for name in carry if name not in own]:
        raise ValueError(f"{event.__name__} has no column {missing[0]} to carry; it has {', '.join(own)}")
    item = _item_of(event, each)
    return [
        *(_source(own[name], repeats=True) for name in carry),
        *(_source(field) for field in fields_of(item)),
    ]


def _item_of(event: type[msgspec.Struct], each: str) -> type[msgspec.Struct]:
    found = {field.name: field.type for field in msgspec.inspect.type_info(event).fields}  # type: ignore[attr-defined]
    kind = found.get(each)
    item = getattr(kind, "item_type", None)
    if not isinstance(item, msgspec.inspect.StructType):
        raise ValueError(f"{event.__name__}.{each} is no list of Structs")
    cls: type[msgspec.Struct] = item.cls
    return cls


def _source(field: Field, *, repeats: bool = False) -> _Source:
    made = conversion(field.kind, field.column.unit)
    convert = made.convert if field.is_typed else guarded(made)
    return _Source(field.name, field.kind, field.values, convert, _ddl(field.name, field), repeats)


def _partition_of(
    expression: str, sources: Sequence[_Source], of_record: Mapping[str, RecordColumn]
) -> PartitionOf | None:
    types = {source.name: source.type for source in sources}
    types |= {name: filled.type for name, filled in of_record.items()}
    return partition_of(expression, types) if expression else None


def _computed(name: str, made: Computed) -> _Source:
    return _Source(name, made.type, made.values, guarded(conversion(made.type)), _ddl(name, made))


def _rows(sources: Sequence[_Source]) -> Callable[[Sequence[Any]], Rows]:
    def rows(events: Sequence[Any]) -> Rows:
        return Rows({source.name: _converted(source, events) for source in sources})

    return rows


def _rows_of_items(
    sources: Sequence[_Source], items_of: Getter, index: str
) -> Callable[[Sequence[Any]], Rows]:
    def rows(events: Sequence[Any]) -> Rows:
        lists = items_of(events)
        items = list(chain.from_iterable(lists))
        lengths = np.fromiter(map(len, lists), np.int64, len(lists))
        repeated = np.repeat(np.arange(len(lists)), lengths)
        columns = {
            source.name: _converted(source, events)[repeated] if source.repeats else _converted(source, items)
            for source in sources
        }
        return Rows({**columns, index: index_within(lengths)}, lengths)

    return rows


def _converted(source: _Source, events: Sequence[Any]) -> Any:
    return fitted(source.name, source.type, lambda: source.convert(source.values(events)))


# DDL


def _create(columns: Sequence[str], extra: Sequence[str], order_by: str, partition_by: str) -> str:
    items = [*map(_braced, columns), "{address}", *map(_braced, extra)]
    partitions = f" PARTITION BY {_braced(partition_by)}" if partition_by else ""
    body = ",\n    ".join(items)
    return (
        f"CREATE TABLE IF NOT EXISTS {{table}} (\n    {body}\n) ENGINE = MergeTree{partitions} "
        f"ORDER BY {_braced(order_by)} {{settings}}"
    )


def _ddls(sources: Sequence[_Source]) -> list[str]:
    return [source.ddl for source in sources]


def _settings(settings: Mapping[str, int | float | str]) -> str:
    """What follows Penstock's own settings."""
    for name in settings:
        if not name.isidentifier() or name in OWN_SETTINGS:
            raise ValueError(f"{name!r} is no setting that a table may have beside Penstock's own")
    return "".join(f", {name} = {_literal(value)}" for name, value in settings.items())


def _literal(value: int | float | str) -> str:
    if isinstance(value, str):
        return _braced(literal(value))
    return str(int(value) if isinstance(value, bool) else value)


def _ddl(name: str, column: Field | Computed | RecordColumn) -> str:
    kind, codec, comment = (
        (column.kind, column.column.codec, column.column.comment)
        if isinstance(column, Field)
        else (column.type, column.codec, column.comment)
    )
    words = [quoted(name), kind]
    if comment:
        words.append(f"COMMENT {literal(comment)}")
    if codec:
        words.append(f"CODEC({codec})")
    return " ".join(words)


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _refuse_names(event: type[msgspec.Struct], names: Sequence[str], index: Sequence[str]) -> None:
    """Raise ValueError for no column at all, two of one name, or one of a name of Penstock's own."""
    if not names:
        raise ValueError(f"{event.__name__} has no field that makes a column")
    names = [*names, *index]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two columns are called {name}: give one of them another name, Column(name=…)")
        if name in ADDRESS_COLUMNS:
            raise ValueError(
                f"the column {name} is one of Penstock's own: give it another name, Column(name=…)"
            )
