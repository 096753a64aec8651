/** A line without axes, of the last values of a number. */

import { svg } from "./dom.js";

/** Values from old to new, null where there was none, as a small picture; the number stands beside it. */
export function spark(values, width = 120, height = 28) {
  const top = Math.max(1e-9, ...values.map((value) => value ?? 0)) * 1.1;
  const step = width / Math.max(1, values.length - 1);
  let pen = "M";
  const d = values
    .map((value, at) => {
      if (value === null) return (pen = "M") && "";
      const point = `${pen}${(at * step).toFixed(1)} ${(height - 1 - (value / top) * (height - 2)).toFixed(1)}`;
      pen = "L";
      return point;
    })
    .join("");
  const attributes = {
    class: "spark",
    viewBox: `0 0 ${width} ${height}`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  };
  return svg("svg", attributes, d ? svg("path", { d, "vector-effect": "non-scaling-stroke" }) : null);
}

const EVERY_S = 3;
const KEPT_S = 900;

/** The values of the last 15 minutes, one every few seconds; a lost connection leaves a gap. */
export class Recent {
  values = [];
  #times = [];
  #since = -Infinity;

  /** Seconds from the first value to the last. */
  get spanS() {
    return this.#times.length ? this.#times.at(-1) - this.#times[0] : 0;
  }

  /** Put what was before into the front. */
  begin(times, values) {
    const older = times.filter((time) => time < (this.#times[0] ?? Infinity)).length;
    this.#times.unshift(...times.slice(0, older));
    this.values.unshift(...values.slice(0, older));
  }

  /** A new value, at a time in seconds; within a few seconds it takes the place of the last. */
  add(value, time_s) {
    const isGap = value === null || (this.values.at(-1) ?? null) === null;
    if (isGap || time_s - this.#since >= EVERY_S) {
      this.values.push(value);
      this.#times.push(time_s);
      this.#since = time_s;
    } else {
      this.values[this.values.length - 1] = value;
      this.#times[this.#times.length - 1] = time_s;
    }
    while (this.spanS > KEPT_S) {
      this.values.shift();
      this.#times.shift();
    }
  }
}
