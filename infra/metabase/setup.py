"""The steps of the set-up. Each looks by name first and makes only what is missing, so that it can be run again.

What exists is left as somebody may have changed it; whoever wants it as it was deletes it and runs this again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from infra.metabase.client import Client
from infra.metabase.dashboards import Card, Dashboard
from infra.metabase.errors import MetabaseAway, MetabaseFailed, MetabaseRefused
from infra.metabase.settings import Settings

NAME = "Penstock"
"""Of the site, the database and the collection."""
LOOK_EVERY_S, TELL_EVERY_S = 1.0, 10.0
DASHCARD = {
    "id",
    "card_id",
    "dashboard_tab_id",
    "row",
    "col",
    "size_x",
    "size_y",
    "series",
    "parameter_mappings",
}
DASHCARD |= {"visualization_settings", "inline_parameters"}
"""What is sent back of a card that a dashboard has: else Metabase takes it off."""
Say = Callable[[str], None]


def await_ready(
    client: Client, wait_s: float, say: Say, now_s: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    """Wait until /api/health is ok, and tell how that goes. Raises MetabaseFailed after `wait_s`."""
    started_s = told_s = now_s()
    while True:
        try:
            if client.get("/api/health").get("status") == "ok":
                return
            reason = "it is not healthy"
        except (MetabaseAway, MetabaseRefused) as error:
            reason = str(error)
        waited_s = now_s() - started_s
        if waited_s > wait_s:
            raise MetabaseFailed(f"after {waited_s:.0f} s Metabase is not ready: {reason}. See its log.")
        if now_s() - told_s >= TELL_EVERY_S:
            told_s = now_s()
            say(f"waiting for Metabase, {waited_s:.0f} s: {reason}")
        sleep(LOOK_EVERY_S)


class Setup:
    """One run against a Metabase that is ready."""

    def __init__(self, client: Client, settings: Settings, say: Say) -> None:
        self._client, self._settings, self._say = client, settings, say

    def run(self, dashboards: Sequence[Dashboard]) -> list[str]:
        """Do all of it; the addresses of the dashboards, below that of Metabase."""
        self._log_in()
        database = self._database()
        collection = self._collection()
        paths, cards = [], []
        for dashboard in dashboards:
            ids = [self._card(card, database, collection) for card in dashboard.cards]
            paths.append(f"/dashboard/{self._dashboard(dashboard, ids, collection)}")
            cards += list(zip(dashboard.cards, ids, strict=True))
        self._try(cards, database)
        return paths

    def _log_in(self) -> None:
        """As the administrator; the first time, make him."""
        known = self._client.get("/api/session/properties")
        if known.get("has-user-setup"):
            login = {"username": self._settings.email, "password": self._settings.password}
            try:
                self._client.session = self._client.post("/api/session", login)["id"]
            except MetabaseRefused as error:
                raise MetabaseFailed(
                    f"{error}. METABASE_EMAIL and METABASE_PASSWORD have to be those of an administrator"
                ) from None
            return
        user = {"email": self._settings.email, "password": self._settings.password, "first_name": NAME}
        body = {
            "token": known["setup-token"],
            "user": user,
            "prefs": {"site_name": NAME, "site_locale": "en"},
        }
        self._client.session = self._client.post("/api/setup", body)["id"]
        self._say(f"made the administrator {self._settings.email}")

    def _database(self) -> int:
        found = by_name(self._client.get("/api/database")["data"])
        if NAME in found:
            return int(found[NAME]["id"])
        body = {
            "name": NAME,
            "engine": "clickhouse",
            "details": dict(self._settings.clickhouse),
            "is_full_sync": True,
            "is_on_demand": False,
            "connection_source": "admin",
        }
        made = self._client.post("/api/database", body)
        self._say(f"made the database {NAME}: ClickHouse at {self._settings.clickhouse['host']}")
        return int(made["id"])

    def _collection(self) -> int:
        found = by_name(self._client.get("/api/collection"))
        if NAME in found:
            return int(found[NAME]["id"])
        made = self._client.post(
            "/api/collection", {"name": NAME, "description": "Made by Penstock's set-up."}
        )
        self._say(f"made the collection {NAME}")
        return int(made["id"])

    def _items(self, collection: int, model: str) -> Mapping[str, Any]:
        return by_name(self._client.get(f"/api/collection/{collection}/items?models={model}")["data"])

    def _card(self, card: Card, database: int, collection: int) -> int:
        found = self._items(collection, "card")
        if card.name in found:
            return int(found[card.name]["id"])
        body = {
            "name": card.name,
            "description": card.description,
            "display": card.display,
            "visualization_settings": dict(card.look),
            "collection_id": collection,
            "dataset_query": query_of(card, database),
        }
        made = self._client.post("/api/card", body)
        self._say(f"made the question {card.name}")
        return int(made["id"])

    def _dashboard(self, dashboard: Dashboard, cards: Sequence[int], collection: int) -> int:
        found = self._items(collection, "dashboard")
        if dashboard.name in found:
            number = int(found[dashboard.name]["id"])
        else:
            body = {"name": dashboard.name, "description": dashboard.description, "collection_id": collection}
            number = int(self._client.post("/api/dashboard", body)["id"])
            self._say(f"made the dashboard {dashboard.name}")
        self._fill(number, dashboard, cards)
        return number

    def _fill(self, number: int, dashboard: Dashboard, cards: Sequence[int]) -> None:
        """Put the cards on it that it lacks, below those that it has."""
        standing = self._client.get(f"/api/dashboard/{number}")
        kept = [
            {key: value for key, value in each.items() if key in DASHCARD} for each in standing["dashcards"]
        ]
        there = {each.get("card_id") for each in kept}
        below = max((each["row"] + each["size_y"] for each in kept), default=0)
        added = [
            {"id": -1 - at, "card_id": card_id, **card.place._asdict(), "row": card.place.row + below}
            for at, (card, card_id) in enumerate(zip(dashboard.cards, cards, strict=True))
            if card_id not in there
        ]
        if added:
            tabs = {"tabs": standing["tabs"]} if standing.get("tabs") else {}
            self._client.put(f"/api/dashboard/{number}", {"dashcards": kept + added, **tabs})
            self._say(f"put {len(added)} questions on {dashboard.name}")

    def _try(self, cards: Sequence[tuple[Card, int]], database: int) -> None:
        """Ask each question once. When ClickHouse refuses, tell Metabase how to reach it anew, and ask again."""
        for card, number in cards:
            answer = self._ask(number)
            if answer.get("status") != "completed":
                details = {"details": dict(self._settings.clickhouse)}
                self._client.put(f"/api/database/{database}", details)
                self._say(f"told Metabase anew how to reach ClickHouse: {answer.get('error')}")
                answer = self._ask(number)
            if answer.get("status") != "completed":
                raise MetabaseFailed(f"the question {card.name} has no answer: {answer.get('error')}")
            self._say(f"{card.name}: {answer.get('row_count')} rows")

    def _ask(self, number: int) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._client.post(f"/api/card/{number}/query", {"ignore_cache": True})
        return answer


def query_of(card: Card, database: int) -> dict[str, Any]:
    """A question in SQL, as Metabase stores it; its variables are numbers with a default."""
    tags = {
        name: {
            "id": f"{name}-of-{card.name}".lower().replace(" ", "-"),
            "name": name,
            "display-name": name,
            "type": "number",
            "default": str(default),
            "required": True,
        }
        for name, default in card.numbers.items()
    }
    return {"type": "native", "database": database, "native": {"query": card.sql, "template-tags": tags}}


def by_name(items: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Name → item; of two with one name, the one that was made first."""
    return {str(item["name"]): item for item in reversed(items)}
