/** The letters of one dead-letter topic, newest first, a page at a time. */

import { h } from "./dom.js";
import { count, moment, size } from "./numbers.js";
import { table } from "./table.js";

const COLUMNS = [
  { name: "offset", type: "integer" },
  { name: "time" },
  { name: "reason" },
  { name: "by" },
  { name: "from" },
  { name: "size", type: "integer" },
];

/** A table of letters; `hrefOf(letter)` is the address of one, `chosen` the offset of the one shown. */
export function letterList(deadTopic, letters, { hrefOf, chosen }) {
  if (!letters.length) return h("p", { class: "quiet" }, "No letters here.");
  const rows = letters.map((letter) => [
    h(
      "a",
      {
        href: hrefOf(letter),
        "data-offset": letter.offset,
        "aria-current": letter.offset === chosen ? "true" : null,
      },
      count(letter.offset),
    ),
    moment(letter.time),
    h("span", { class: "reason" }, letter.reason),
    h("span", { class: "by" }, letter.by),
    letter.topic === null ? "–" : `${letter.topic}-${letter.partition} @ ${letter.source_offset ?? "–"}`,
    size(letter.bytes),
  ]);
  const isChosen = (row) => ({ class: row[0].hasAttribute("aria-current") ? "chosen" : null });
  return table(`Letters of ${deadTopic}`, COLUMNS, rows, isChosen);
}
