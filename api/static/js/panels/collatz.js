/** The panel of collatz: the longest walk, the highest value, and the walk of any number as a picture. */

import { amountAxis, axis, Chart, lineSeries, powerAxis } from "../chart.js";
import { h, render } from "../dom.js";
import { Field } from "../field.js";
import { count, number } from "../numbers.js";
import { isLogarithmic } from "../scale.js";

const FIRST = "27";
const LARGEST = 99_999_999_999_999;
const NUMBER = {
  name: "number",
  kind: "integer",
  help: "",
  required: true,
  default: FIRST,
  minimum: 1,
  maximum: LARGEST,
  choices: null,
};
const MOST_PAGES = 20;
const MOST_POINTS = 40;
const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

export function collatz(stream, ask) {
  const records = h("dl", { class: "tiles two" });
  const walk = new WalkView(stream, ask);
  const element = h("div", { class: "panel stack" }, records, walk.element);
  return {
    element,
    show: ({ rows }) =>
      render(records, rows.length ? recordTiles(rows[0]) : tile("Records", "–", "no walk is stored yet")),
  };
}

function recordTiles({ longest, steps, highest, value }) {
  return [
    tile("Longest walk", number("collatz.records.steps", steps, { unit: " steps" }), [
      "from ",
      number("collatz.records.longest", longest),
    ]),
    tile("Highest value", number("collatz.records.value", value), [
      "on the way of ",
      number("collatz.records.highest", highest),
    ]),
  ];
}

const tile = (title, value, below) =>
  h(
    "div",
    { class: "tile" },
    h("dt", {}, title),
    h("dd", { class: "wrap" }, value),
    h("dd", { class: "below" }, below),
  );

/** A number one types, and its walk: a chart, and in words how long and how high. */
class WalkView {
  element;
  #stream;
  #ask;
  #field = new Field(NUMBER, "walk-number", () => {});
  #log = h("input", { type: "checkbox", id: "walk-log", onchange: () => this.#chart.rebuild() });
  #facts = h("div", { class: "facts", "aria-live": "polite" });
  #asking = null;
  #steps = [];
  #chart = new Chart("The values of the walk, step by step", (colours) => this.#options(colours), {
    height: 260,
    tell: (_, at) => `step ${at} · ${count(this.#steps[at]?.value ?? "")}`,
  });

  constructor(stream, ask) {
    this.#stream = stream;
    this.#ask = ask;
    const form = h(
      "form",
      {
        class: "inline",
        novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          this.#draw();
        },
      },
      this.#field.element,
      h("button", { type: "submit" }, "Draw the walk"),
      h("label", { class: "check", for: "walk-log" }, this.#log, " logarithmic"),
    );
    this.element = h(
      "section",
      { class: "card", "aria-labelledby": "walk-title" },
      h("h2", { id: "walk-title" }, "The walk of a number"),
      form,
      this.#facts,
      this.#chart.element,
    );
    this.#draw();
  }

  async #draw() {
    this.#asking?.abort();
    if (!this.#field.check()) {
      this.#show([]);
      return this.#field.focus();
    }
    const { signal } = (this.#asking = new AbortController());
    try {
      const found = await this.#walkOf(this.#field.value, signal);
      this.#show(found.rows, factsOf(this.#field.value, found));
    } catch (problem) {
      if (problem.name !== "AbortError") this.#show([], h("p", { class: "notice bad" }, problem.message));
    }
  }

  /** A walk and what there is to say of it; without rows there is no chart. Its scale is that of its picture. */
  #show(rows, facts = null) {
    this.#steps = rows;
    this.#chart.element.hidden = !rows.length;
    const values = rows.map((row) => Number(row.value));
    const wasLogarithmic = this.#log.checked;
    this.#log.checked = isLogarithmic(values);
    this.#chart.show([rows.map((row) => Number(row.step)), values]);
    if (this.#log.checked !== wasLogarithmic) this.#chart.rebuild();
    render(this.#facts, facts);
  }

  /** All pages of the steps of a number. */
  async #walkOf(n, signal) {
    const question = this.#stream.questions.find((each) => each.name === "steps");
    if (!question) throw new Error("The stream does not state the question `steps`.");
    let answer = await this.#ask(question, { n }, signal);
    const rows = [...answer.rows];
    for (let page = 1; answer.next && page < MOST_PAGES; page += 1) {
      answer = await this.#ask(question, { n, ...answer.next }, signal);
      rows.push(...answer.rows);
    }
    return { rows, computed: answer.computed };
  }

  #options(colours) {
    return {
      scales: {
        x: { time: false, range: (_, low, high) => [low, Math.max(high, low + 1)] },
        y: this.#log.checked ? { distr: 3 } : { range: (_, __, high) => [0, high * 1.08] },
      },
      series: [
        {},
        lineSeries(colours.s1, {
          points: { show: () => this.#steps.length < MOST_POINTS, size: 6, fill: colours.s1 },
          ...(this.#log.checked ? { fill: undefined } : {}),
        }),
      ],
      axes: [axis(colours, { size: 28, incrs: WHOLE_STEPS }), this.#log.checked ? powerAxis(colours) : amountAxis(colours)],
    };
  }
}

function factsOf(n, { rows, computed }) {
  if (!rows.length) return h("p", { class: "quiet" }, `Nothing is known of ${count(n)}.`);
  if (rows.length === 1) return h("p", {}, "1 is where every walk ends: 0 steps.");
  const top = rows.reduce((best, row) => (BigInt(row.value) > BigInt(best.value) ? row : best));
  return h(
    "p",
    {},
    number("collatz.walk.steps", rows.length - 1, { unit: rows.length === 2 ? " step" : " steps" }),
    " to 1; highest ",
    number("collatz.walk.highest", String(top.value)),
    ` at step ${top.step}. `,
    computed ? h("span", { class: "tag" }, "computed; not in the table") : null,
    " ",
    h("a", { href: `/plot/${encodeURIComponent(n)}` }, "As a picture"),
  );
}
