"""The only talk with ClickHouse."""
