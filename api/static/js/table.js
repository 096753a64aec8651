/** Tables of whatever columns there are, in a frame that scrolls by itself. */

import { h } from "./dom.js";

const NUMERIC = /^(Nullable\()?(U?Int|Float|Decimal)|^(integer|number|float|int)$/;

/** A table; cells are nodes or text, `columns` are {name, type?}, `label` names the frame that scrolls. */
export function table(label, columns, rows, rowOptions = () => ({})) {
  const numeric = columns.map(
    (column, at) => NUMERIC.test(column.type ?? "") || rows.every((row) => typeof row[at] === "number"),
  );
  const looks = (at) => (rows.length && numeric[at] ? "n" : null);
  return h(
    "div",
    { class: "scroll", role: "region", "aria-label": label, tabindex: "0" },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          columns.map((column, at) => h("th", { scope: "col", class: looks(at) }, column.name)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            rowOptions(row),
            row.map((cell, at) => h("td", { class: looks(at) }, cellOf(cell))),
          ),
        ),
      ),
    ),
  );
}

/** A value as text: a dash for null, JSON for what has parts. */
export function cellOf(value) {
  if (value === null || value === undefined) return "–";
  if (value instanceof Node) return value;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
