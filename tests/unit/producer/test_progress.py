"""Away from a terminal: a log line every ten seconds."""

import io
import logging

from common.process.health import Health
from producer.progress import Progress


def test_logs_sums_every_ten_seconds_away_from_a_terminal(caplog):
    log = logging.getLogger("producer.test")
    health = Health(0.0)
    with caplog.at_level(logging.INFO), Progress("sensors", io.StringIO(), log, health) as progress:
        for second in range(26):
            progress.show(float(second), second * 110, second * 100)
    assert health.liveness(26.0)[1]["last_beat_s_ago"] == 1.0
    assert [(r.message, r.stream, r.sent, r.acknowledged, r.per_second) for r in caplog.records] == [
        ("events sent", "sensors", 1100, 1000, 100),
        ("events sent", "sensors", 2200, 2000, 100),
    ]
