/** How numbers, times and sizes are written, and the elements that hold them. */

import { h } from "./dom.js";

const WHOLE = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const ONE = new Intl.NumberFormat("en-GB", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const FEW = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 6 });
const FEWEST = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 1 });
const EXACT = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 20 });
const SHORT = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });
const LESS_SHORT = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 6 });
const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZone: "UTC",
});
const DAY = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  timeZone: "UTC",
});
const SECONDS_OF = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
];
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const UNKNOWN = "not known right now";

/** 1,234,567; also of a string of digits, whatever its length. */
export const count = (value) => (typeof value === "string" ? grouped(value) : WHOLE.format(value));

/** A rate: 0, 0.5, 12.5, 1,234. */
export const rate = (value) => (value === 0 || value >= 1000 ? WHOLE : ONE).format(value);

/** One digit after the point: 1,031.8. */
export const tenths = (value) => ONE.format(Math.round(value * 10) / 10 + 0); // + 0: not -0.0

/** A measured value, with the digits that matter. */
export const measured = (value) => FEW.format(value);

/** A limit as a person writes it: 0.5, 1,000, 340,282,366,920,938,463,463,374,607,431,768,211,455. */
export const limit = (value) => (typeof value === "string" ? grouped(value) : EXACT.format(value));

/** 1.2k, 3m, 2·10¹⁹: for axes, where room is scarce. */
export const short = (value) => (Math.abs(value) < 1e15 ? SHORT.format(value) : scientific(value));

/** Labels for ticks of time, in seconds since 1970: 18:03:12, with the digits of the second that they need. */
export function clocks(seconds) {
  const isWhole = (value) => Math.abs(value - Math.round(value)) < 1e-3;
  const digits = [0, 1, 2].find((each) => seconds.every((time) => isWhole(time * 10 ** each))) ?? 3;
  const part = (time) => (time - Math.floor(time)).toFixed(digits).slice(1);
  return seconds.map((time) => clock(Math.floor(time + 1e-6) * 1000) + (digits ? part(time + 1e-6) : ""));
}

/** Labels for ticks of an amount: as short as they can be without one of them being rounded; none for null. */
export function amounts(values) {
  const isShort = (value) => value === null || value >= 1e15 || SHORT.format(value) === LESS_SHORT.format(value);
  const format = values.every(isShort) ? short : (value) => EXACT.format(value);
  return values.map((value) => (value === null ? "" : format(value)));
}

/** A power of ten as it is written: 10⁶. */
export const power = (exponent) => `10${[...String(exponent)].map((digit) => (digit === "-" ? "⁻" : RAISED[digit])).join("")}`;

/** 12.5 %, and 0.02 % where a tenth would hide it. */
export const share = (value) => `${(value > 0 && value < 0.001 ? FEWEST : ONE).format(value * 100)} %`;

/** 12 s, 3 min, 2 h, 5 d. */
export function age(seconds) {
  const [unit, size] = SECONDS_OF.find(([, each]) => seconds >= each) ?? ["s", 1];
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** 18:03:12, UTC like every time on the pages. Takes a Date, or milliseconds since 1970. */
export const clock = (time) => CLOCK.format(time);

/** 26 Nov 2026, 18:03:12. */
export const moment = (time) => `${DAY.format(new Date(time))}, ${CLOCK.format(new Date(time))}`;

/** 512 B, 1.5 KB. */
export function size(bytes) {
  return bytes < 1000
    ? `${bytes} B`
    : bytes < 1e6
      ? `${ONE.format(bytes / 1e3)} KB`
      : `${ONE.format(bytes / 1e6)} MB`;
}

/** Whether a text is a whole number. */
export const isWhole = (text) => /^-?\d+$/.test(text);

/**
 * The element of one number: `data-number` is its path, `data-value` the exact value. One that is null is written as
 * a dash, with a title that says why.
 */
export function number(path, value, { format = count, unit = "", why = UNKNOWN } = {}) {
  const known = value !== null && value !== undefined;
  return h(
    "span",
    {
      class: known ? "number" : "number unknown",
      "data-number": path,
      "data-value": known ? String(value) : "",
      title: known ? null : why,
    },
    known ? format(value) : "–",
    known && unit ? h("span", { class: "unit" }, unit) : null,
  );
}

/** The sum of those that are known; null if none is. */
export function sum(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length ? known.reduce((total, value) => total + value, 0) : null;
}

function scientific(value) {
  const [digits, exponent] = value.toExponential(1).split("e+");
  return `${Number(digits)}·${power(Number(exponent))}`;
}

function grouped(digits) {
  return isWhole(digits) ? digits.replace(/\B(?=(\d{3})+$)/g, ",") : digits;
}
