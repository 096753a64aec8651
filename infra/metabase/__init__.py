"""Sets a new Metabase up through its API: an administrator, ClickHouse as a database, and dashboards of the streams."""
