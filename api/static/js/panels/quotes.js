/** The panel of quotes: the mid price, and a threshold that one moves; seconds that rose above it stand out. */

import { amountAxis, Chart, lineSeries, timeAxis } from "../chart.js";
import { h, render } from "../dom.js";
import { complaint, Field } from "../field.js";
import { clock, count, number, share } from "../numbers.js";
import { Threshold } from "./threshold.js";

const EVERY_MS = 2000;
const PAUSE_MS = 200;
const FALLBACK = {
  name: "threshold",
  kind: "number",
  help: "",
  required: true,
  default: 9.9,
  minimum: 0,
  maximum: 10,
  choices: null,
};

/** The threshold as the stream states it, to be given here. */
function thresholdOf(stream) {
  const stated = stream.questions
    .find((each) => each.name === "mid_price")
    ?.parameters.find((each) => each.name === "threshold");
  return { ...FALLBACK, ...stated, help: "", required: true };
}

/** The threshold that the address names, if it is one; else the default. */
export function thresholdAt(search, parameter) {
  const text = new URLSearchParams(search).get("threshold");
  return text !== null && text !== "" && !complaint(parameter, text) ? Number(text) : Number(parameter.default);
}

export function quotes(stream, ask) {
  const view = new QuotesView(stream, ask);
  return { element: view.element, show: (live) => view.show(live) };
}

class QuotesView {
  element;
  #stream;
  #ask;
  #parameter;
  #field;
  #threshold;
  #facts = h("div", { class: "facts" }, "");
  #chart = new Chart(
    "Mid price of the last seconds, and the threshold",
    (colours) => this.#options(colours),
    { height: 300, tell: tellSecond, role: "group" },
  );
  #live = null;
  #askedAt = 0;
  #timer = null;

  constructor(stream, ask) {
    this.#stream = stream;
    this.#ask = ask;
    this.#parameter = thresholdOf(stream);
    const { minimum, maximum } = this.#parameter;
    const first = thresholdAt(location.search, this.#parameter);
    this.#field = new Field(this.#parameter, "quotes-threshold", () => this.#typed());
    this.#field.set(first);
    this.#threshold = new Threshold(first, Number(minimum), Number(maximum), (value) => {
      this.#field.set(value);
      this.#moved();
    });
    this.element = h(
      "section",
      { class: "card panel", "aria-labelledby": "mid-title" },
      h(
        "div",
        { class: "section-head" },
        h("h2", { id: "mid-title" }, "Mid price"),
        h(
          "form",
          { class: "inline", novalidate: true, onsubmit: (event) => event.preventDefault() },
          this.#field.element,
        ),
      ),
      this.#chart.element,
      h(
        "ul",
        { class: "legend" },
        h("li", { class: "line" }, "mean of a second"),
        h("li", { class: "band" }, "lowest to highest of a second"),
        h("li", { class: "point" }, "highest, above the threshold"),
        h("li", { class: "level" }, "threshold: drag it, or use the arrow keys"),
      ),
      this.#facts,
    );
  }

  /** The live answer; the share of reports is asked beside it. */
  show(live) {
    this.#live = live;
    this.#draw();
    if (Date.now() - this.#askedAt > EVERY_MS) this.#refresh();
  }

  #typed() {
    if (!this.#field.check()) return;
    this.#threshold.set(Number(this.#field.value));
    this.#moved();
  }

  /** What follows while one drags: points at once, the share a few times a second, the address. */
  #moved() {
    this.#draw();
    const value = this.#threshold.value;
    const address = new URL(location.href);
    if (value === Number(this.#parameter.default)) address.searchParams.delete("threshold");
    else address.searchParams.set("threshold", value);
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      history.replaceState(null, "", address);
      this.#refresh();
    }, PAUSE_MS);
  }

  async #refresh() {
    this.#askedAt = Date.now();
    const threshold = this.#threshold.value;
    const question = this.#stream.questions.find((each) => each.name === "share_above");
    if (!question || !this.#live) return;
    const { seconds } = this.#live.parameters;
    try {
      const { rows } = await this.#ask(question, { seconds, threshold });
      render(this.#facts, factsOf(threshold, rows[0], seconds, this.#live.rows));
    } catch (problem) {
      render(this.#facts, h("p", { class: "notice bad" }, problem.message));
    }
  }

  #draw() {
    const rows = finished(this.#live?.rows ?? []);
    const above = (row) => (row.highest > this.#threshold.value ? row.highest : null);
    this.#chart.show([
      rows.map((row) => Date.parse(row.second) / 1000),
      ...["highest", "lowest", "mid_price"].map((name) => rows.map((row) => row[name])),
      rows.map(above),
    ]);
  }

  #options(colours) {
    const { minimum, maximum } = this.#parameter;
    const edge = { stroke: "transparent", width: 0, points: { show: false } };
    const dot = { show: true, size: 6, fill: colours.s2, stroke: colours.card };
    return {
      scales: {
        x: { time: true, range: (_, low, high) => (low === null ? [0, 1] : [low, Math.max(high, low + 10)]) },
        y: { range: () => [Number(minimum), Number(maximum) * 1.04] },
      },
      series: [
        {},
        edge,
        edge,
        lineSeries(colours.s1, { fill: undefined }),
        { stroke: colours.s2, width: 0, points: dot },
      ],
      bands: [{ series: [1, 2], fill: `${colours.s1}1f` }],
      axes: [timeAxis(colours), amountAxis(colours, { size: 36 })],
      hooks: this.#threshold.hooks,
    };
  }
}

/** All seconds but the newest, of which more reports may come. */
export const finished = (rows) => rows.slice(0, -1);

function tellSecond([seconds, highest, lowest, means], at) {
  const [low, mean, high] = [lowest[at], means[at], highest[at]].map((value) => value?.toFixed(2) ?? "–");
  return `${clock(seconds[at] * 1000)} · mean ${mean}, ${low} to ${high}`;
}

function factsOf(threshold, part, seconds, rows) {
  if (!part?.reports) return h("p", { class: "quiet" }, `No reports in the last ${count(seconds)} s.`);
  const highest = Math.max(...rows.map((row) => row.highest));
  return h(
    "p",
    {},
    number("quotes.share_above", part.share, { format: share, why: "there was no report" }),
    " of ",
    number("quotes.reports", part.reports),
    ` reports of the last ${count(seconds)} s lay above ${threshold}`,
    Number.isFinite(highest) ? `; the highest was ${highest.toFixed(2)}.` : ".",
  );
}
