"""Generates the events of a stream and sends them to Kafka."""
