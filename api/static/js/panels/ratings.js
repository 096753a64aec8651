/** The panel of ratings: how many people are of each type. */

import { h, render } from "../dom.js";
import { number, share } from "../numbers.js";

export function ratings(stream) {
  const question = stream.questions.find((each) => each.name === "count_by_type");
  const list = h("div", { class: "bars" });
  const element = h(
    "section",
    { class: "card panel", "aria-labelledby": "types-title" },
    h("h2", { id: "types-title" }, "People by type"),
    question ? h("p", { class: "quiet" }, question.help) : null,
    list,
  );
  return {
    element,
    show: ({ rows }) =>
      render(list, rows.length ? bars(rows) : h("p", { class: "quiet" }, "Nobody is classified yet.")),
  };
}

function bars(rows) {
  const total = rows.reduce((sum, row) => sum + Number(row.people), 0);
  const most = Math.max(1, ...rows.map((row) => Number(row.people)));
  return h(
    "table",
    { class: "bar-table" },
    h(
      "thead",
      { class: "sr" },
      h(
        "tr",
        {},
        ["type", "bar", "people", "share"].map((name) => h("th", { scope: "col" }, name)),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map((row) => oneBar(row, Number(row.people) / most, Number(row.people) / Math.max(1, total))),
    ),
  );
}

function oneBar({ type, people }, length, part) {
  return h(
    "tr",
    { "data-key": type },
    h("th", { scope: "row" }, type),
    h(
      "td",
      { class: "bar-cell" },
      h("span", { class: "bar-fill", style: { width: `${(length * 100).toFixed(2)}%` } }),
    ),
    h("td", { class: "n" }, number(`ratings.types.${type}.people`, people)),
    h("td", { class: "n quiet" }, share(part)),
  );
}
