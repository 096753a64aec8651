"""What a client would rather have, by its header Accept (RFC 9110, 12.5.1): a page or JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

PAGE = ("text/html", "application/xhtml+xml")
JSON = ("application/json", "application/problem+json")

Wish = tuple[float, int]
"""How much a kind is wanted (q, from 0 to 1), and how exactly it was named."""


def prefers_page(*accept: str) -> bool:
    """Whether HTML is wanted more than JSON, or as much but named more exactly. Without a wish: JSON.

    `accept`: the headers Accept of a request, in their order.
    """
    wanted = dict(_ranges(",".join(accept)))
    page, json = _wish(PAGE, wanted), _wish(JSON, wanted)
    return page > json and page[0] > 0


def _ranges(accept: str) -> Iterable[tuple[str, float]]:
    for each in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in each.split(";"))
        texts = [
            text.strip() for name, _, text in (part.partition("=") for part in parameters) if name == "q"
        ]
        try:
            yield kind, float(texts[0]) if texts else 1.0
        except ValueError:
            continue  # no number: as if the range were not there


def _wish(kinds: Iterable[str], wanted: Mapping[str, float]) -> Wish:
    """The greatest of these kinds; of each, what the range that names it most exactly says."""
    return max(_wish_of(kind, wanted) for kind in kinds)


def _wish_of(kind: str, wanted: Mapping[str, float]) -> Wish:
    ranges = ("*/*", f"{kind.partition('/')[0]}/*", kind)
    found = [(wanted[each], exactness) for exactness, each in enumerate(ranges) if each in wanted]
    return found[-1] if found else (0.0, 0)
