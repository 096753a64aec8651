"""The stack without Docker: three Kafka brokers and one ClickHouse, the real ones, from Python wheels alone.

Tests and commands use `infra.local.stack.Stack`; people use `python -m infra.local`.
"""
