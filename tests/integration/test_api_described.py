"""Requests that the api's own description allows, and many that it does not: each answer is one that it describes."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


def attack(face, examples, seed, timeout_s, *more):
    """All checks on, so many examples an operation. Fails with what schemathesis says and the seed that repeats it."""
    words = ["run", f"{face.url}/openapi.json", "--checks", "all", "--max-examples", str(examples)]
    done = subprocess.run(
        [SCHEMATHESIS, *words, "--seed", str(seed), "--continue-on-failure", "--no-color", *more],
        cwd=face.folder,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert done.returncode == 0, f"seed {seed}\n{done.stdout[-20_000:]}"
    assert re.search(r"\b[1-9]\d* passed", done.stdout)


@pytest.mark.timeout(240)
def test_a_few_requests_of_some_operations_are_answered_as_described(face):
    some = ("--phases", "examples,fuzzing", "--include-path-regex", "collatz|quotes|part|steps")
    attack(face, 10, 1, 220, *some)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [1, random.SystemRandom().randint(2, 10**6)], ids=["fixed", "fresh"])
def test_two_hundred_requests_of_every_operation_are_answered_as_described(face, seed):
    attack(face, 200, seed, 3500)
