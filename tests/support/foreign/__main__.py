"""`python -m tests.support.foreign COMMAND STREAM…`: the commands of the consumer, with foreign topics in its list."""

import sys

from common import streams
from common.process.run import run
from consumer.__main__ import main
from tests.support.foreign.pipeline import STREAMS

streams.STREAMS.update(STREAMS)

if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:])))
