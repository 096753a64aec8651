/** The newest rows of a stream's tables. */

import { h, render } from "./dom.js";
import { getJson } from "./http.js";
import { clock } from "./numbers.js";
import { table } from "./table.js";

const ROWS = 20;
const EVERY_MS = 3000;

/** Asks again whenever refresh() is called and the last answer is a few seconds old, unless the reader stopped it. */
export class Latest {
  #path;
  #follows = h("input", { type: "checkbox", id: "latest-follow", checked: true });
  #when = h("span", { class: "quiet" });
  #tables = h("div", { class: "latest" }, h("p", { class: "quiet", role: "status" }, "Loading …"));
  #isThere = false;
  #askedAt = 0;

  constructor(name) {
    this.#path = `/streams/${encodeURIComponent(name)}/latest?rows=${ROWS}`;
    const follow = h("label", { class: "check", for: "latest-follow" }, this.#follows, " follow");
    this.element = h(
      "section",
      { class: "card", "aria-labelledby": "latest-title" },
      h("div", { class: "section-head" }, h("h2", { id: "latest-title" }, "Latest rows"), this.#when, follow),
      this.#tables,
    );
  }

  async refresh() {
    if (!this.#follows.checked || document.hidden || Date.now() - this.#askedAt < EVERY_MS) return;
    this.#askedAt = Date.now();
    try {
      const { tables } = await getJson(this.#path);
      this.#isThere = true;
      render(this.#tables, tables.map(oneTable));
      this.#when.textContent = `as of ${clock(Date.now())}`;
    } catch (problem) {
      if (!this.#isThere) return render(this.#tables, h("p", { class: "quiet" }, problem.message));
      this.#when.textContent = `${problem.message} What is below is older.`;
    }
  }
}

function oneTable({ name, columns, rows }) {
  const heading = h("h3", { class: "mono" }, name);
  if (!rows.length) return h("div", {}, heading, h("p", { class: "quiet" }, "No rows yet."));
  return h(
    "div",
    {},
    heading,
    table(
      `Latest rows of ${name}`,
      columns.map((each) => ({ name: each })),
      rows,
    ),
  );
}
