"""Kafka → ClickHouse, every event once: the sink, its recovery and the commands around it."""
