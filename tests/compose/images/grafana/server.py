"""Answers GET /api/health once everything is read and ClickHouse has let the data source's user in.

What it has read is at /api/search (dashboards), and below /api/v1/provisioning/ at alert-rules and contact-points.
"""

import json
import os
import signal
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from provisioned import (  # type: ignore[import-not-found]
    Wrong,
    contact_points,
    dashboards,
    datasources,
    rules,
)

CLICKHOUSE_HTTP_PORT = 8123  # the data source's own port speaks a protocol that takes a driver


def everything():
    """Path of a request → answer."""
    needs = ("GF_PLUGINS_PREINSTALL_SYNC", "GF_SECURITY_ADMIN_PASSWORD__FILE")
    if missing := [name for name in needs if not os.environ.get(name)]:
        raise Wrong(f"no {', '.join(missing)}")
    if not Path(os.environ["GF_SECURITY_ADMIN_PASSWORD__FILE"]).read_text().strip():
        raise Wrong("the administrator has no password")
    sources = datasources()
    screens = dashboards(sources)
    for uid, source in sources.items():
        if not os.environ["GF_PLUGINS_PREINSTALL_SYNC"].startswith(source["type"] + "@"):
            raise Wrong(f"{uid}: its plugin {source['type']} is not installed")
        let_in(source)
    Path("/var/lib/grafana/written").write_text("a volume that its user may write to\n")
    found = [{"uid": uid, "title": screen["title"], "type": "dash-db"} for uid, screen in screens.items()]
    points = [{"name": name, "settings": settings} for name, settings in contact_points().items()]
    return {
        "/api/health": {"database": "ok"},
        "/api/search": found,
        "/api/v1/provisioning/alert-rules": list(rules(sources, screens).values()),
        "/api/v1/provisioning/contact-points": points,
    }


def let_in(source):
    """Ask ClickHouse something as the user of a data source. Raises OSError if it does not answer, or refuses."""
    told = source["jsonData"]
    url = f"http://{told['host']}:{CLICKHOUSE_HTTP_PORT}/?database={told['defaultDatabase']}&query=SELECT%201"
    request = urllib.request.Request(url)
    request.add_header("X-ClickHouse-User", told["username"])
    request.add_header("X-ClickHouse-Key", source["secureJsonData"]["password"])
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


class Handler(BaseHTTPRequestHandler):
    answers: dict[str, object] = {}

    def do_GET(self) -> None:
        found = self.answers.get(self.path)
        body = json.dumps({"message": "Not found"} if found is None else found).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
try:
    Handler.answers = everything()
except (Wrong, OSError, KeyError, ValueError) as error:
    sys.exit(f"{type(error).__name__}: {error}")
ThreadingHTTPServer(("0.0.0.0", 3000), Handler).serve_forever()
