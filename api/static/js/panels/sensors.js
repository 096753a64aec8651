/** The panel of sensors: a live histogram of each kind. */

import { amountAxis, axis, barSeries, Chart, fromZero } from "../chart.js";
import { h, render } from "../dom.js";
import { count, measured, number, tenths } from "../numbers.js";

const UNITS = { temperature: "°C", humidity: "%", pressure: "hPa" };

export function sensors() {
  const element = h(
    "div",
    { class: "panel trio" },
    h("p", { class: "quiet card" }, "No histogram has been stored yet."),
  );
  const kinds = new Map();

  function show({ rows }) {
    for (const [kind, bins] of Object.entries(byKind(rows))) {
      if (!kinds.size) element.replaceChildren();
      if (!kinds.has(kind)) {
        kinds.set(kind, new HistogramView(kind));
        element.append(kinds.get(kind).element);
      }
      kinds.get(kind).show(bins);
    }
  }

  return { element, show };
}

function byKind(rows) {
  const kinds = {};
  for (const row of rows)
    (kinds[row.kind] ??= []).push({ from: Number(row.from), to: Number(row.to), number: Number(row.number) });
  return kinds;
}

/** What a histogram says in words: {total, mean, fullest}; the mean is that of the middles of the bins. */
export function described(bins) {
  const total = bins.reduce((sum, bin) => sum + bin.number, 0);
  const middles = bins.reduce((sum, bin) => sum + (bin.number * (bin.from + bin.to)) / 2, 0);
  const fullest = bins.reduce((best, bin) => (bin.number > best.number ? bin : best));
  return { total, mean: total ? middles / total : null, fullest };
}

class HistogramView {
  element;
  #kind;
  #unit;
  #head = h("div", { class: "figure-head" });
  #words = h("p", { class: "quiet figures" });
  #bins = [];
  #chart;

  constructor(kind) {
    this.#kind = kind;
    this.#unit = UNITS[kind] ?? "";
    this.#chart = new Chart(`Histogram of ${kind}`, (colours) => this.#options(colours), {
      height: 190,
      tell: (_, at) => this.#tell(at),
    });
    this.element = h("figure", { class: "card" }, this.#head, this.#chart.element, this.#words);
  }

  show(bins) {
    this.#bins = bins;
    const { total, mean, fullest } = described(bins);
    const path = `sensors.histograms.${this.#kind}`;
    const unit = ` ${this.#unit}`;
    render(
      this.#head,
      h("figcaption", {}, this.#kind, h("span", { class: "unit" }, unit)),
      h(
        "p",
        { class: "big" },
        number(`${path}.number`, total),
        h("span", { class: "unit" }, " measurements"),
      ),
    );
    render(
      this.#words,
      h("span", {}, "mean ", number(`${path}.mean`, mean, { format: tenths, unit })),
      h(
        "span",
        {},
        `most often ${measured(fullest.from)} to ${measured(fullest.to)}${unit} (`,
        number(`${path}.fullest`, fullest.number),
        ")",
      ),
    );
    this.#chart.show([bins.map((bin) => (bin.from + bin.to) / 2), bins.map((bin) => bin.number)]);
  }

  #tell(at) {
    const bin = this.#bins[at];
    return bin ? `${measured(bin.from)} to ${measured(bin.to)} ${this.#unit} · ${count(bin.number)}` : "";
  }

  #options(colours) {
    const ends = () => [this.#bins[0].from, this.#bins.at(-1).to];
    return {
      scales: { x: { time: false, range: ends }, y: { range: fromZero } },
      series: [{}, barSeries(colours.s1)],
      axes: [axis(colours, { size: 28 }), amountAxis(colours, { size: 44 })],
    };
  }
}
