/** What a question was answered: a table, and a chart where the question declares one. */

import { answerChart } from "./answer-chart.js";
import { h } from "./dom.js";
import { count } from "./numbers.js";
import { table } from "./table.js";

const FIRST_ROWS = 100;

/**
 * Nodes for an answer of the server. `onNext(parameters)` is called when the reader wants the next page; `picture` is
 * the path of the chart as a PNG, or null.
 */
export function answerNodes(question, answer, { onNext, picture }) {
  const { rows, next, computed } = answer;
  if (!rows.length) return [h("p", { class: "quiet" }, "No rows: nothing stored answers this.")];
  const chart = answerChart(question.chart, rows, `${question.name}: ${question.help}`);
  return [
    h(
      "p",
      { class: "quiet" },
      `${count(rows.length)} ${rows.length === 1 ? "row" : "rows"}`,
      next ? ", and more follow. " : "",
      next
        ? h("button", { type: "button", class: "small", onclick: () => onNext(next) }, "Next page")
        : null,
      computed ? [". ", h("span", { class: "tag" }, "computed, not stored")] : "",
    ),
    chart?.element,
    chart && picture ? h("p", {}, h("a", { href: picture }, "The chart as a picture")) : null,
    rowsTable(question, answer),
  ];
}

function rowsTable(question, { rows, columns }) {
  const names = columns?.length ? columns : Object.keys(rows[0]).map((name) => ({ name }));
  const draw = (shown) =>
    table(
      `Answer to ${question.name}`,
      names,
      shown.map((row) => names.map(({ name }) => row[name])),
    );
  if (rows.length <= FIRST_ROWS) return draw(rows);
  const holder = h("div", {}, draw(rows.slice(0, FIRST_ROWS)));
  const more = h(
    "button",
    { type: "button", onclick: () => holder.replaceChildren(draw(rows)) },
    `Show all ${count(rows.length)}`,
  );
  holder.append(more);
  return holder;
}
