"""`python -m common.config`: shows the settings, or checks those of this environment."""

from __future__ import annotations

import sys

from common.commands.settings import main
from common.process.run import run

if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:])))
