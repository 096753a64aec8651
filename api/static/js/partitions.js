/** Who works on which partition, and how far: the details under a drawing. */

import { h } from "./dom.js";
import { count } from "./numbers.js";
import { table } from "./table.js";

const COLUMNS = ["reader", "partition", "owner", "committed", "read", "end", "lag", "cut by", "state"].map(
  (name) => ({ name }),
);

/** A table that opens: each partition of each transform and each feed. */
export function partitions(stream) {
  const of = (what, each) =>
    (each.partitions ?? []).map((at) => [
      what,
      at.partition,
      at.owner ?? "nobody",
      whole(at.committed),
      whole(at.read),
      whole(at.end),
      whole(at.lag),
      at.cut_by || "–",
      at.state === "lagging" ? `${count(at.lag)} behind` : at.state,
    ]);
  const rows = [
    ...stream.transforms.flatMap((each) => of(`transform ${each.name}`, each)),
    ...stream.feeds.flatMap((each) => of(`sink ${each.topic}`, each)),
  ];
  if (!rows.length) return null;
  return h(
    "details",
    { class: "details" },
    h("summary", {}, `Partitions (${rows.length})`),
    table("Partitions", numericOnes(COLUMNS), rows),
  );
}

const whole = (value) => (value === null || value === undefined ? null : count(value));
const numericOnes = (columns) =>
  columns.map((column) => ({
    ...column,
    type: ["committed", "read", "end", "lag", "partition"].includes(column.name) ? "integer" : "",
  }));
