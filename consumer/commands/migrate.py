"""`python -m consumer migrate`: creates the database and tables that are missing, changes nothing that exists."""

from __future__ import annotations

import argparse
import sys

from common.clickhouse_io.schema import Schema, create_database
from common.clickhouse_io.verdicts import VerdictTable
from common.model.stream import Stream
from common.model.verdicts import TABLE
from common.process.clock import Clock
from common.settings.config import Settings

MEANING = """
Creates the database (CLICKHOUSE_DB), too, if the user may. Safe to run again: tables that exist are compared, never
changed. Where one differs from its stream, the message holds the ALTER that removes the difference. The table that
`audit --every` writes is created, too. Exit code 0: all tables are there, and as the streams need them; 1: one differs,
or ClickHouse refuses or does not answer.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds no options; sets the help text."""
    parser.epilog = MEANING
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def run(settings: Settings, streams: list[Stream], chosen: argparse.Namespace, clock: Clock) -> int:
    """Create what is missing, then check all. Raises SchemaMismatch with the statement that removes a difference."""
    tables = [table for stream in streams for feed in stream.feeds for table in feed.tables]
    if create_database(settings.clickhouse):
        sys.stdout.write(f"database {settings.clickhouse.database}: created\n")
    schema = Schema(settings.clickhouse)
    created = schema.create(tables)
    for table in {table.name: table for table in tables}.values():  # several feeds may fill one
        sys.stdout.write(f"{table.name}: {'created' if table.name in created else 'exists'}\n")
    _migrate_verdicts(settings)
    schema.check(tables)
    schema.close()
    return 0


def _migrate_verdicts(settings: Settings) -> None:
    verdicts = VerdictTable(settings.clickhouse)
    sys.stdout.write(f"{TABLE}: {'created' if verdicts.create() else 'exists'}\n")
    verdicts.check()
    verdicts.close()
