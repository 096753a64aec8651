"""What holds for every test: with CI=true, one that needs a browser may not be skipped."""

from __future__ import annotations

import os

import pytest

_SKIPPED: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and "browser" in report.keywords:
        _SKIPPED.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _SKIPPED and os.environ.get("CI") == "true":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _SKIPPED:
        verdict = ", which fails, since CI=true" if os.environ.get("CI") == "true" else ""
        terminalreporter.write_line(f"pages: {len(_SKIPPED)} tests skipped, there is no chromium{verdict}")
