/** The whole pipeline in five numbers. */

import { COUNTING, total } from "./dead.js";
import { h } from "./dom.js";
import { behind, hasLate } from "./lag.js";
import { age, number, rate, sum } from "./numbers.js";
import { spark } from "./spark.js";
import { worst } from "./verdict.js";

/** Tiles for all streams: rows, rows a second with its last minutes, lag, dead letters, the newest audits. */
export function summary(streams, recent) {
  return [
    tile("Rows stored", number("total.rows", sum(streams.map((stream) => stream.rows)))),
    ratesTile(streams, recent),
    lagTile(streams),
    lettersTile(total(streams.flatMap((stream) => stream.dead))),
    auditTile(worst(streams.map((stream) => stream.verdict))),
  ];
}

function ratesTile(streams, { values, spanS }) {
  const now = sum(streams.map((stream) => stream.rows_per_second));
  const most = Math.max(0, ...values.map((value) => value ?? 0));
  return tile(
    "Rows per second",
    [number("total.rows_per_second", now, { format: rate }), spark(values)],
    spanS >= 10 ? `at most ${rate(most)} in the last ${age(spanS)}` : null,
  );
}

function lagTile(streams) {
  const lag = number("total.lag", sum(streams.map((stream) => stream.lag)));
  const isKnown = !streams.some((stream) => stream.lag && stream.behind_s === null);
  const time = isKnown ? behind({ behind_s: Math.max(0, ...streams.map((each) => each.behind_s ?? 0)) }) : "";
  return tile(
    "Lag",
    h("span", { class: streams.some(hasLate) ? "warn" : null }, lag),
    `messages not stored yet${time ? `, ${time} behind at most` : ""}`,
  );
}

function lettersTile({ letters, counting }) {
  const link = h("a", { href: "/letters", class: letters ? "warn" : null }, number("total.letters", letters));
  const below = [letters ? "messages that could not be stored" : "", counting ? COUNTING : ""];
  return tile("Dead letters", link, below.filter(Boolean).join(", ") || null);
}

function auditTile({ word, looks, passed, of, age_s, stale }) {
  const oldest = age_s === null ? "" : `, the oldest ${age(age_s)} ago${stale ? ": stale" : ""}`;
  return tile(
    "Audit",
    h("span", { class: looks, "data-verdict": "total", "data-value": word }, word),
    of ? `passed by ${passed} of ${of} streams${oldest}` : "no streams",
  );
}

function tile(title, value, below = null) {
  return h(
    "div",
    { class: "tile" },
    h("dt", {}, title),
    h("dd", {}, value),
    below ? h("dd", { class: "below" }, below) : null,
  );
}
