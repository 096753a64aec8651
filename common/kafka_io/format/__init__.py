"""Kafka's record batches (format v2): read, decoded, compressed, written."""
