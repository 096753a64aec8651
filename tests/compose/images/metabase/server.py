"""Stands in for Metabase: the part of its API that our set-up uses, with the fields of its published description.

Stricter than Metabase: an unknown field, path or parameter is refused. Questions are asked of the ClickHouse that the
database names, over HTTP. What it holds is gone when it ends. It was written after resources/openapi of
metabase/metabase, and has never been compared with a real one.
"""

import itertools
import json
import os
import re
import secrets
import signal
import socket
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TEXT, NUMBER, FLAG, MAP, LIST = str, int, bool, dict, list
WIDTH = 24

# (method, path) → required fields, other fields. A field has a type; text may not be empty.
BODIES = {
    ("POST", "/api/setup"): ({"token": TEXT, "user": MAP, "prefs": MAP}, {}),
    ("POST", "/api/session"): ({"username": TEXT, "password": TEXT}, {}),
    ("POST", "/api/database"): (
        {
            "name": TEXT,
            "engine": TEXT,
            "details": MAP,
            "is_full_sync": FLAG,
            "is_on_demand": FLAG,
            "connection_source": TEXT,
        },
        {"auto_run_queries": FLAG, "cache_ttl": NUMBER, "provider_name": TEXT, "schedules": MAP},
    ),
    ("PUT", "/api/database/N"): (
        {},
        {
            "details": MAP,
            "name": TEXT,
            "engine": TEXT,
            "description": TEXT,
            "schedules": MAP,
            "settings": MAP,
        },
    ),
    ("POST", "/api/collection"): (
        {"name": TEXT},
        {"description": TEXT, "parent_id": NUMBER, "namespace": TEXT, "authority_level": TEXT},
    ),
    ("POST", "/api/card"): (
        {"name": TEXT, "dataset_query": MAP, "display": TEXT, "visualization_settings": MAP},
        {
            "description": TEXT,
            "collection_id": NUMBER,
            "collection_position": NUMBER,
            "cache_ttl": NUMBER,
            "dashboard_id": NUMBER,
            "dashboard_tab_id": NUMBER,
            "entity_id": TEXT,
            "parameters": LIST,
            "parameter_mappings": LIST,
            "result_metadata": LIST,
            "type": TEXT,
        },
    ),
    ("POST", "/api/card/N/query"): (
        {"ignore_cache": FLAG},
        {"dashboard_id": NUMBER, "collection_preview": FLAG},
    ),
    ("POST", "/api/dashboard"): (
        {"name": TEXT},
        {
            "description": TEXT,
            "collection_id": NUMBER,
            "collection_position": NUMBER,
            "cache_ttl": NUMBER,
            "parameters": LIST,
        },
    ),
    ("PUT", "/api/dashboard/N"): (
        {},
        {
            "name": TEXT,
            "description": TEXT,
            "dashcards": LIST,
            "tabs": LIST,
            "parameters": LIST,
            "archived": FLAG,
        },
    ),
}
INNER = {
    "user": ({"email": TEXT, "password": TEXT}, {"first_name": TEXT, "last_name": TEXT}),
    "prefs": ({"site_name": TEXT}, {"site_locale": TEXT}),
    "dashcard": (
        {"id": NUMBER, "size_x": NUMBER, "size_y": NUMBER, "row": NUMBER, "col": NUMBER},
        {
            "card_id": NUMBER,
            "dashboard_tab_id": NUMBER,
            "series": LIST,
            "parameter_mappings": LIST,
            "inline_parameters": LIST,
            "visualization_settings": MAP,
        },
    ),
    "dataset_query": ({"type": TEXT, "database": NUMBER, "native": MAP}, {}),
    "native": ({"query": TEXT}, {"template-tags": MAP}),
    "tag": (
        {"id": TEXT, "name": TEXT, "display-name": TEXT, "type": TEXT},
        {"default": TEXT, "required": FLAG},
    ),
    "details": (
        {"host": TEXT, "port": NUMBER, "user": TEXT, "dbname": TEXT},
        {"password": TEXT, "ssl": FLAG, "clickhouse-settings": TEXT, "enable-multiple-db": FLAG},
    ),
}
PARAMETERS = {
    "/api/health": set(),
    "/api/session/properties": set(),
    "/api/database": {"include", "saved", "include_analytics"},
    "/api/collection": {"archived", "exclude-other-user-collections", "namespace", "personal-only"},
    "/api/collection/N/items": {"models", "archived", "pinned_state", "sort_column", "sort_direction"},
    "/api/dashboard/N": set(),
}
DISPLAYS = {"table", "bar", "line", "area", "pie", "row", "scalar", "gauge", "progress", "funnel"}
OPEN = {"/api/health", "/api/session/properties", "/api/setup", "/api/session"}
ASKS_NOT_CHANGES = {"/api/session", "/api/card/N/query"}


class Refused(Exception):
    """An answer with an error status."""

    def __init__(self, status: int, said: object) -> None:
        super().__init__(said)
        self.status, self.said = status, said


def hold(given: dict, form: tuple, where: str = "") -> None:
    """Refuse what lacks a field, has an unknown one, or one of another type."""
    required, others = form
    errors = {where + name: "missing required key" for name in required.keys() - given.keys()}
    for name, value in given.items():
        kind = (required | others).get(name)
        if kind is None:
            errors[where + name] = "unknown field"
        elif value is None and name in others:
            continue
        elif (
            not isinstance(value, kind)
            or (kind is NUMBER and isinstance(value, bool))
            or (value == "" and name != "password")
        ):
            errors[where + name] = f"value must be a {kind.__name__}"
    if errors:
        raise Refused(400, {"errors": errors})


class Metabase:
    """What it holds. `changes` are the requests that changed something; `starting` health checks fail first."""

    def __init__(self, starting: int = 0, clickhouse: Callable[[dict, str], dict] | None = None) -> None:
        self.starting, self.clickhouse = starting, clickhouse or ask
        self.changes: list[str] = []
        self.admin: dict | None = None
        self.token = secrets.token_hex(8)
        self.databases: dict[int, dict] = {}
        self.collections: dict[int, dict] = {}
        self.cards: dict[int, dict] = {}
        self.dashboards: dict[int, dict] = {}
        self.sessions: set[str] = set()
        self.numbers, self.lock = itertools.count(1), threading.Lock()

    def answer(self, method: str, address: str, body: object, session: str) -> tuple[int, object]:
        """Status and JSON of the answer to a request."""
        url = urllib.parse.urlsplit(address)
        path = re.sub(r"/\d+(?=/|$)", "/N", url.path)
        number = next((int(part) for part in url.path.split("/") if part.isdigit()), 0)
        with self.lock:
            if method == "GET" and path in PARAMETERS:
                asked = urllib.parse.parse_qs(url.query)
                if unknown := asked.keys() - PARAMETERS[path]:
                    raise Refused(400, {"errors": dict.fromkeys(unknown, "unknown parameter")})
            elif (method, path) in BODIES:
                if not isinstance(body, dict):
                    raise Refused(400, "a JSON object is needed")
                hold(body, BODIES[method, path])
                asked = body
            else:
                raise Refused(404, "API endpoint does not exist.")
            if path not in OPEN and session not in self.sessions:
                raise Refused(401, "Unauthenticated")
            name = re.sub(r"[^a-z]+", "_", f"{method} {path.removeprefix('/api')}".lower())
            told = getattr(self, name)(number, asked)
            if method != "GET" and path not in ASKS_NOT_CHANGES:
                self.changes.append(f"{method} {url.path}")
            return (202 if path.endswith("/query") else 200), told

    def get_health(self, number: int, asked: dict) -> dict:
        if self.starting:
            self.starting -= 1
            raise Refused(503, {"status": "initializing", "progress": 0.5})
        return {"status": "ok"}

    def get_session_properties(self, number: int, asked: dict) -> dict:
        return {"has-user-setup": self.admin is not None, "setup-token": None if self.admin else self.token}

    def post_setup(self, number: int, body: dict) -> dict:
        hold(body["user"], INNER["user"], "user.")
        hold(body["prefs"], INNER["prefs"], "prefs.")
        if self.admin is not None:
            raise Refused(403, "The /api/setup route can only be used to create the first user.")
        if body["token"] != self.token:
            raise Refused(400, {"errors": {"token": "Token does not match the setup token."}})
        if len(body["user"]["password"]) < 6 or not re.search(r"\d", body["user"]["password"]):
            raise Refused(400, {"errors": {"password": "password is too common."}})
        self.admin = body["user"]
        return self.log_in()

    def post_session(self, number: int, body: dict) -> dict:
        if self.admin is None or (body["username"], body["password"]) != (
            self.admin["email"],
            self.admin["password"],
        ):
            raise Refused(401, {"errors": {"password": "did not match stored password"}})
        return self.log_in()

    def log_in(self) -> dict:
        session = secrets.token_hex(8)
        self.sessions.add(session)
        return {"id": session}

    def get_database(self, number: int, asked: dict) -> dict:
        shown = [each | {"details": each["details"] | {"password": "**"}} for each in self.databases.values()]
        return {"data": shown, "total": len(shown)}

    def post_database(self, number: int, body: dict) -> dict:
        if body["engine"] != "clickhouse" or body["connection_source"] not in ("admin", "setup"):
            raise Refused(400, {"errors": {"engine": "value must be a valid database engine."}})
        hold(body["details"], INNER["details"], "details.")
        try:
            self.clickhouse(body["details"], "SELECT 1 AS one")
        except OSError as error:
            raise Refused(400, {"message": f"cannot connect: {error}"}) from None
        return self.keep(self.databases, body)

    def put_database_n(self, number: int, body: dict) -> dict:
        if "details" in body:
            hold(body["details"], INNER["details"], "details.")
        self.find(self.databases, number).update(body)
        return self.databases[number]

    def get_collection(self, number: int, asked: dict) -> list:
        return [{"id": "root", "name": "Our analytics"}, *self.collections.values()]

    def post_collection(self, number: int, body: dict) -> dict:
        return self.keep(self.collections, body)

    def get_collection_n_items(self, number: int, asked: dict) -> dict:
        self.find(self.collections, number)
        models = {"card": self.cards, "dashboard": self.dashboards}
        wanted = asked.get("models", list(models))
        if not set(wanted) <= models.keys():
            raise Refused(400, {"errors": {"models": "unknown model"}})
        found = [
            {"id": each["id"], "name": each["name"], "model": model}
            for model in wanted
            for each in models[model].values()
            if each.get("collection_id") == number
        ]
        return {"data": found, "total": len(found)}

    def post_card(self, number: int, body: dict) -> dict:
        query = body["dataset_query"]
        hold(query, INNER["dataset_query"], "dataset_query.")
        hold(query["native"], INNER["native"], "native.")
        tags = query["native"].get("template-tags", {})
        for name, tag in tags.items():
            hold(tag, INNER["tag"], f"template-tags.{name}.")
        used = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", query["native"]["query"]))
        if used != set(tags):
            raise Refused(
                400, {"errors": {"template-tags": f"{sorted(used ^ set(tags))} stand on one side only"}}
            )
        if query["type"] != "native" or body["display"] not in DISPLAYS:
            raise Refused(400, {"errors": {"display": "unknown display, or not a native query"}})
        self.find(self.databases, query["database"])
        self.find(self.collections, body.get("collection_id", 0))
        return self.keep(self.cards, body)

    def post_card_n_query(self, number: int, body: dict) -> dict:
        query = self.find(self.cards, number)["dataset_query"]
        sql = query["native"]["query"]
        for name, tag in query["native"].get("template-tags", {}).items():
            sql = re.sub(rf"\{{\{{\s*{name}\s*\}}\}}", tag["default"], sql)
        try:
            told = self.clickhouse(self.databases[query["database"]]["details"], sql)
        except OSError as error:
            return {"status": "failed", "error": str(error), "row_count": 0}
        return {"status": "completed", "row_count": told["rows"], "data": {"rows": told["data"]}}

    def post_dashboard(self, number: int, body: dict) -> dict:
        self.find(self.collections, body.get("collection_id", 0))
        return self.keep(self.dashboards, body | {"dashcards": [], "tabs": []})

    def get_dashboard_n(self, number: int, asked: dict) -> dict:
        return self.find(self.dashboards, number)

    def put_dashboard_n(self, number: int, body: dict) -> dict:
        dashboard = self.find(self.dashboards, number)
        known = {each["id"] for each in dashboard["dashcards"]}
        for each in body.get("dashcards", []):
            hold(each, INNER["dashcard"], "dashcards.")
            self.find(self.cards, each.get("card_id", 0))
            if each["id"] >= 0 and each["id"] not in known:
                raise Refused(404, f"dashcard {each['id']} is not on it")
            if each["col"] < 0 or each["row"] < 0 or each["col"] + each["size_x"] > WIDTH:
                raise Refused(400, {"errors": {"dashcards": "outside of the grid"}})
        changed = [
            {"parameter_mappings": [], "visualization_settings": {}, "series": []}
            | each
            | {"id": each["id"] if each["id"] >= 0 else next(self.numbers), "dashboard_id": number}
            for each in body.get("dashcards", dashboard["dashcards"])
        ]
        dashboard.update(body | {"dashcards": changed})
        return dashboard

    def keep(self, where: dict, body: dict) -> dict:
        number = next(self.numbers)
        where[number] = body | {"id": number}
        return where[number]

    def find(self, where: dict, number: int) -> dict:
        if number not in where:
            raise Refused(404, "Not found.")
        return where[number]


def ask(details: dict, sql: str) -> dict:
    """The answer of ClickHouse. OSError when it refuses."""
    query = urllib.parse.urlencode({"database": details["dbname"], "default_format": "JSON"})
    request = urllib.request.Request(
        f"http://{details['host']}:{details['port']}/?{query}", data=sql.encode()
    )
    request.add_header("X-ClickHouse-User", details["user"])
    request.add_header("X-ClickHouse-Key", details.get("password") or "")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            raise OSError(error.read()[:300].decode(errors="replace")) from None


def serve(metabase: Metabase, host: str = "127.0.0.1", port: int = 0) -> ThreadingHTTPServer:
    """A server for it, which its caller starts and stops."""

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            try:
                body = json.loads(self.rfile.read(length)) if length else None
                session = self.headers.get("X-Metabase-Session", "")
                status, told = metabase.answer(self.command, self.path, body, session)
            except ValueError:
                status, told = 400, "no JSON"
            except Refused as refused:
                status, told = refused.status, refused.said
            answer = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    return ThreadingHTTPServer((host, port), Handler)


def main() -> None:
    """As the container: it needs its database's port to be open, and what Metabase needs to be told of it."""
    told = {
        name: os.environ[f"MB_DB_{name}"] for name in ("TYPE", "HOST", "PORT", "DBNAME", "USER", "PASS_FILE")
    }
    if told["TYPE"] != "postgres" or not Path(told["PASS_FILE"]).read_text().strip():
        sys.exit("MB_DB_TYPE has to be postgres, and MB_DB_PASS_FILE a file with a password")
    with socket.create_connection((told["HOST"], int(told["PORT"])), timeout=30):
        print("its database listens", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve(Metabase(starting=2), "0.0.0.0", 3000).serve_forever()


if __name__ == "__main__":
    main()
