"""A sink in a thread of the test, put together like the real one, so that a test can wrap its seams.

sink = InProcessSink(proof)
before(sink.store, "insert", lambda table, columns, **how: …)    # called before every INSERT
with sink:                                                        # starts it; leaving the block stops it
    ...
"""

from __future__ import annotations

import dataclasses
import gc
import random
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from common.clickhouse_io.store import Store
from common.kafka_io.group import Group
from common.model.stream import Stream
from common.process.clock import Clock
from common.process.health import Health
from common.settings.config import Settings
from consumer.metrics import SinkMetrics
from consumer.sink.assembly import assembled
from consumer.sink.sink import Sink
from infra.local.waiting import wait_until
from tests.support.proof import Proof

CLOCK = Clock(time.monotonic, time.time, time.sleep, random.Random(1).random)


class InProcessSink:
    """One member of the group. `error` is what ended it, if anything did."""

    def __init__(
        self,
        proof: Proof,
        streams: Sequence[Stream] | None = None,
        kafka: dict[str, Any] | None = None,
        **environment: str,
    ) -> None:
        settings = Settings.from_env(proof.environment | environment)
        if kafka:  # values that promises for real services would refuse
            settings = dataclasses.replace(settings, kafka=dataclasses.replace(settings.kafka, **kafka))
        self.settings = settings
        self.health, self.metrics = Health(CLOCK.now_s()), SinkMetrics()
        self._resources = ExitStack()
        self.parts = self._resources.enter_context(
            assembled(settings, streams or [proof.stream()], self.health, self.metrics, "test", CLOCK)
        )
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def group(self) -> Group:
        """Its membership."""
        return self.parts.group

    @property
    def sink(self) -> Sink:
        """The core."""
        return self.parts.sink

    @property
    def store(self) -> Store:
        """What the insert thread talks to ClickHouse through."""
        return self.parts.store

    @property
    def generation(self) -> tuple[int, str]:
        """Generation and member id, as the client knows them."""
        known = self.group._consumer.group_metadata()
        return known.generation_id, known.member_id

    def start(self) -> Self:
        """Run in a thread, and wait for the first assignment."""
        self._thread.start()
        return self

    def await_ready(self, timeout_s: float = 30.0) -> None:
        """Wait until it works on its partitions."""
        assert wait_until(lambda: self.health.readiness()[0] or self.error is not None, timeout_s), (
            self.health.readiness()
        )
        self.raise_error()

    def await_parked(self, reason: str, timeout_s: float = 30.0) -> dict[str, Any]:
        """Wait until a feed is parked for a reason that holds these words; what /ready says."""

        def is_parked() -> bool:
            return any(reason in parked["reason"] for parked in self.health.readiness()[1]["parked"])

        assert wait_until(lambda: is_parked() or self.error is not None, timeout_s), self.health.readiness()
        self.raise_error()
        return self.health.readiness()[1]

    def await_error(self, timeout_s: float = 30.0) -> BaseException:
        """Wait until it has ended by itself."""
        assert wait_until(lambda: not self._thread.is_alive(), timeout_s), self.health.readiness()
        assert self.error is not None
        return self.error

    def raise_error(self) -> None:
        """Raise what ended it."""
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """Ask it to stop and wait; closes what the end of a process would close."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(30)
            assert not self._thread.is_alive(), "the sink does not stop"
        self._resources.close()
        with warnings.catch_warnings():  # kafka-python forgets sockets whose connection was refused
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()

    def _run(self) -> None:
        try:
            self.parts.loop.run(self._stop.is_set)
        except BaseException as error:
            self.error = error

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if kind is None:
            self.raise_error()


def before(owner: Any, method: str, hook: Callable[..., object]) -> None:
    """Call `hook` with the same arguments before each call of that method of an object; it may raise instead."""
    original = getattr(owner, method)

    def hooked(*args: Any, **options: Any) -> Any:
        hook(*args, **options)
        return original(*args, **options)

    setattr(owner, method, hooked)
