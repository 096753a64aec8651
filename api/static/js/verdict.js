/** What the newest audit found. */

import { h } from "./dom.js";
import { age, count, moment } from "./numbers.js";

const STALE_S = 300;
const SOONEST_STALE_S = 60;
const INTERVALS = 3;
const MARKS = { ok: "✓", bad: "✕", idle: "○" };

/** From the worst to the best: the word, and the word of a tile for many streams. */
const WORDS = {
  failed: "audit failed",
  never: "not audited yet",
  partial: "audit incomplete",
  nothing: "nothing to check yet",
  passed: "audit passed",
};
const SHORT = {
  failed: "failed",
  never: "not yet",
  partial: "incomplete",
  nothing: "nothing yet",
  passed: "passed",
};

/** Which of WORDS a verdict is, which may be null. */
export function judgement(verdict) {
  if (verdict === null || verdict === undefined) return "never";
  if (!verdict.judged) return "partial";
  if (!verdict.sound) return "failed";
  return verdict.messages || verdict.dead ? "passed" : "nothing";
}

/** Whether a verdict says little of now: three audits should have come since, or five minutes have gone. */
export function isStale({ age_s, interval_s }) {
  const missed = interval_s ? Math.max(SOONEST_STALE_S, INTERVALS * interval_s) : STALE_S;
  return age_s > Math.min(STALE_S, missed);
}

const looksOf = (kind, stale) => (kind === "failed" ? "bad" : kind === "passed" && !stale ? "ok" : "idle");

/** A badge: the words and how old they are. */
export function verdictBadge(verdict, path) {
  const kind = judgement(verdict);
  const stale = Boolean(verdict) && isStale(verdict);
  const looks = looksOf(kind, stale);
  return h(
    "span",
    {
      class: `badge ${looks}`,
      "data-verdict": path,
      "data-value": kind,
      title: explained(verdict, kind),
    },
    h("span", { "aria-hidden": "true" }, MARKS[looks]),
    ` ${WORDS[kind]}`,
    verdict ? h("span", { class: "badge-age" }, ageOf(verdict, kind, stale)) : null,
  );
}

const ageOf = ({ age_s }, kind, stale) =>
  `${kind === "nothing" ? " ·" : ""} ${age(age_s)} ago${stale ? ", stale" : ""}`;

/** What a wrong verdict found, as a notice; null for the others. */
export function verdictNotice(verdict) {
  if (judgement(verdict) !== "failed") return null;
  const found = `${count(verdict.missing)} missing, ${count(verdict.repeated)} repeated`;
  return h(
    "p",
    { class: "notice bad" },
    h("strong", {}, "The audit found: "),
    found,
    verdict.first ? `; first at ${verdict.first}` : "",
    ".",
  );
}

function explained(verdict, kind) {
  if (!verdict) return "No audit yet: python -m consumer audit";
  const at = `audit of ${moment(verdict.time)}`;
  if (kind === "nothing") return `${at}: no message was stored yet`;
  const found = `${count(verdict.messages)} messages whole, ${count(verdict.missing)} missing, ${count(verdict.repeated)} repeated, ${count(verdict.dead)} dead letters`;
  return kind === "partial" ? `${at}: not all could be checked; so far ${found}` : `${at}: ${found}`;
}

/** The worst of several verdicts in a word, how many passed, and the age of the oldest, null if there is none. */
export function worst(verdicts) {
  const kinds = verdicts.map(judgement);
  const kind = Object.keys(WORDS).find((each) => kinds.includes(each)) ?? "never";
  const given = verdicts.filter(Boolean);
  const stale = given.some(isStale);
  return {
    word: SHORT[kind],
    looks: looksOf(kind, stale),
    passed: kinds.filter((each) => each === "passed").length,
    of: kinds.length,
    age_s: given.length ? Math.max(...given.map((verdict) => verdict.age_s)) : null,
    stale,
  };
}
