"""`python -m common.topics`: makes the streams' topics."""

from __future__ import annotations

import random
import sys
import time

from common.commands.topics import main
from common.process.clock import Clock
from common.process.run import run
from common.settings.config import environment

CLOCK = Clock(time.monotonic, time.time, time.sleep, random.random)

if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:], environment(), CLOCK)))
