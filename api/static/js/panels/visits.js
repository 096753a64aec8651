/** The panel of visits: who is active now, for each account and store, and what earlier windows had. */

import { h, render } from "../dom.js";
import { age, clock, count, number, sum } from "../numbers.js";
import { spark } from "../spark.js";
import { table } from "../table.js";

const SHOWN_WINDOWS = 24;

export function visits(stream) {
  const windowS = stream.transforms.find((each) => each.window_s)?.window_s;
  const length = windowS ? `Windows of ${age(windowS)}` : "Windows";
  const total = h("p", { class: "big" });
  const cards = h("ul", { class: "cells" });
  const windows = h("div", {});
  const element = h(
    "div",
    { class: "panel stack" },
    h(
      "section",
      { class: "card", "aria-labelledby": "active-title" },
      h("h2", { id: "active-title" }, "Distinct visits"),
      total,
      cards,
    ),
    h(
      "section",
      { class: "card", "aria-labelledby": "windows-title" },
      h("h2", { id: "windows-title" }, length),
      windows,
    ),
  );

  function show({ rows }) {
    const places = byPlace(rows);
    const active = sum(places.map((place) => place.active?.visits ?? null));
    render(
      total,
      number("visits.active", active, { why: "no window is open" }),
      h(
        "span",
        { class: "unit" },
        active === null ? " no window is open" : " in the newest open window of each store",
      ),
    );
    render(cards, places.map(oneCell));
    render(windows, rows.length ? windowTable(rows) : h("p", { class: "quiet" }, "No window yet."));
  }

  return { element, show };
}

/** Rows, newest first, as [{account, store, active, before}]: the newest open window, and counts of closed ones. */
export function byPlace(rows) {
  const places = new Map();
  for (const row of rows) {
    const key = JSON.stringify([row.account_id, row.store_id]);
    if (!places.has(key))
      places.set(key, { account: row.account_id, store: row.store_id, active: null, before: [] });
    const place = places.get(key);
    if (!row.open) place.before.unshift(Number(row.visits));
    else place.active ??= { ...row, visits: Number(row.visits) };
  }
  return [...places.values()].sort(
    (a, b) => String(a.account).localeCompare(b.account) || String(a.store).localeCompare(b.store),
  );
}

function oneCell({ account, store, active, before }) {
  return h(
    "li",
    { class: "cell", "data-key": `${account}/${store}` },
    h("span", { class: "cell-name" }, `account ${account} · ${store}`),
    number(`visits.places.${account}.${store}.visits`, active?.visits ?? null, { why: "no window is open" }),
    h("span", { class: "quiet" }, active ? `in the window from ${clock(Date.parse(active.start))}` : "no open window"),
    before.length > 1 ? spark(before) : null,
    before.length ? h("span", { class: "quiet" }, `last closed window: ${count(before.at(-1))}`) : null,
  );
}

function windowTable(rows) {
  const columns = [
    { name: "window from" },
    { name: "account" },
    { name: "store" },
    { name: "distinct visits", type: "integer" },
    { name: "late", type: "integer" },
    { name: "state" },
  ];
  const cells = rows
    .slice(0, SHOWN_WINDOWS)
    .map((row) => [
      clock(Date.parse(row.start)),
      row.account_id,
      row.store_id,
      count(Number(row.visits)),
      count(Number(row.late)),
      h("span", { class: row.open ? "tag live" : "tag" }, row.open ? "open" : "final"),
    ]);
  return table("Windows, the newest first", columns, cells);
}
