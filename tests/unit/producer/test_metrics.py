"""What /metrics of a producer shows: its writer's counts at that moment."""

from types import SimpleNamespace

from prometheus_client import generate_latest

from producer.metrics import registry_of


def test_shows_the_counts_of_the_writer_at_the_moment_of_asking():
    writer = SimpleNamespace(sent=0, acknowledged=0, failed=0, waiting_bytes=0)
    registry = registry_of(writer, "sensors")
    writer.sent, writer.acknowledged, writer.failed, writer.waiting_bytes = 10, 7, 1, 4096
    shown = generate_latest(registry).decode()
    assert 'penstock_producer_events_total{outcome="sent",stream="sensors"} 10.0' in shown
    assert 'penstock_producer_events_total{outcome="acknowledged",stream="sensors"} 7.0' in shown
    assert 'penstock_producer_events_total{outcome="failed",stream="sensors"} 1.0' in shown
    assert 'penstock_producer_waiting_bytes{stream="sensors"} 4096.0' in shown
