/** The last minutes of a stream: what is sent, what is stored, and what lies between. */

import { amountAxis, Chart, fromZero, lineSeries, timeAxis } from "./chart.js";
import { h, render } from "./dom.js";
import { behind, hasLate } from "./lag.js";
import { clock, count, number, rate } from "./numbers.js";

const KEPT_S = 900;
const LEAST_S = 10;

const MEASURES = [
  { key: "messages_per_second", title: "Messages sent", unit: "/s", format: rate },
  { key: "rows_per_second", title: "Rows stored", unit: "/s", format: rate },
  { key: "lag", title: "Lag", unit: " messages", format: count },
];

/**
 * Three small charts; add(stream, time) with each state, gap() where nothing was heard, and before() with what the
 * server remembers.
 */
export class Rates {
  element = h("div", { class: "trio" });
  #figures;
  #columns = [[], ...MEASURES.map(() => [])];

  constructor(name) {
    this.#figures = MEASURES.map((measure) => new Figure(name, measure));
    this.element.append(...this.#figures.map((figure) => figure.element));
  }

  /** `time_s`: seconds since 1970. */
  add(stream, time_s) {
    this.#keep([time_s, ...MEASURES.map(({ key }) => stream[key] ?? null)]);
    for (const figure of this.#figures) figure.tell(stream);
  }

  gap(time_s) {
    if (this.#columns[0].length) this.#keep([time_s, ...MEASURES.map(() => null)]);
  }

  /** {times, and a list for each measure}: as /history has it. */
  before(history) {
    this.#columns = joined(this.#columns, [history.times, ...MEASURES.map(({ key }) => history[key])]);
    this.#draw();
  }

  #keep(point) {
    this.#columns = recent(this.#columns.map((column, at) => [...column, point[at]]));
    this.#draw();
  }

  #draw() {
    const [times, ...values] = this.#columns;
    this.#figures.forEach((figure, at) => figure.draw([times, values[at]]));
  }
}

/** Two sets of columns, times first, as one: `other` takes the place of all that lies between its first and last. */
export function joined(own, other) {
  if (!other[0].length) return own;
  const [first, last] = [other[0][0], other[0].at(-1)];
  const outside = (isIn) => own.map((column) => column.filter((_, at) => isIn(own[0][at])));
  const [older, newer] = [outside((time) => time < first), outside((time) => time > last)];
  return recent(other.map((column, at) => [...older[at], ...column, ...newer[at]]));
}

function recent(columns) {
  const from = columns[0].findIndex((time) => time >= columns[0].at(-1) - KEPT_S);
  return from > 0 ? columns.map((column) => column.slice(from)) : columns;
}

class Figure {
  element;
  #measure;
  #name;
  #head = h("div", { class: "figure-head" });
  #chart;

  constructor(name, measure) {
    this.#name = name;
    this.#measure = measure;
    const tell = ([times, values], at) =>
      `${clock(times[at] * 1000)} · ${values[at] === null ? "–" : measure.format(values[at])}${measure.unit}`;
    this.#chart = new Chart(`${measure.title} of the last minutes`, options, { height: 132, tell });
    this.element = h("figure", { class: "card" }, this.#head, this.#chart.element);
  }

  draw(columns) {
    this.#chart.show(columns);
  }

  /** The number of now. One that is not known leaves the last. */
  tell(stream) {
    const { key, title, format, unit } = this.#measure;
    const value = stream[key] ?? null;
    if (value === null && this.#head.childElementCount) return;
    const time = key === "lag" ? behind(stream) : "";
    const late = key === "lag" && hasLate(stream);
    render(
      this.#head,
      h("figcaption", {}, title),
      h(
        "p",
        { class: late ? "big lag some" : "big" },
        number(`${this.#name}.${key}`, value, { format, unit }),
        time ? h("span", { class: "unit" }, ` · ${time}`) : null,
      ),
    );
  }
}

function options(colours) {
  const whatIsThere = (_, first, last) => (last === null ? [0, 1] : [first, Math.max(last, first + LEAST_S)]);
  return {
    scales: { x: { time: true, range: whatIsThere }, y: { range: fromZero } },
    series: [{}, lineSeries(colours.s1)],
    axes: [timeAxis(colours), amountAxis(colours, { size: 44 })],
  };
}
