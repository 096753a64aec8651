"""Transforms: topic → topic, outputs and offsets in one Kafka transaction."""
