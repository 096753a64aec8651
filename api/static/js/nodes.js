/** The parts of a stream's drawing: what is written on a producer, a topic, a transform, a sink and a table. */

import { COUNTING } from "./dead.js";
import { h } from "./dom.js";
import { isLate, lagView } from "./lag.js";
import { count, number, rate } from "./numbers.js";

const KINDS = ["topic", "transform", "table"]; // the others are named for what they are
const PER_SECOND = { format: rate, unit: "/s" };
const KAFKA = { why: "not known: Kafka does not answer, or the topic is not there yet" };
const CLICKHOUSE = { why: "not known: ClickHouse does not answer, or the table is not there yet" };

/** A node of a layout as a list item; `parked` is the reason, or null. */
export function nodeElement(node, stream, parked) {
  const place = { "grid-column": String(node.column + 1), "grid-row": `${node.row + 1} / span ${node.span}` };
  return h(
    "li",
    {
      class: `node ${node.kind}${parked ? " is-parked" : ""}`,
      "data-key": node.id,
      "data-node": node.id,
      style: place,
    },
    KINDS.includes(node.kind) ? h("span", { class: "node-kind" }, node.kind) : null,
    FACES[node.kind](node, stream),
    parked ? h("span", { class: "tag bad", title: parked }, "parked") : null,
  );
}

const FACES = { producer, topic, transform, sink, table };

/** A name, which may break after its punctuation. */
function name(text, title = text) {
  return h("span", { class: "node-name", title }, breakable(text));
}

const breakable = (text) => text.split(/(?<=[._-])/).map((part, at) => [at ? h("wbr", {}) : null, part]);

function facts(...children) {
  return h("span", { class: "node-facts" }, children);
}

function producer(node, stream) {
  return [
    name("producer", stream.producer ? `python -m producer ${stream.name}` : "no producer here generates it"),
    facts(number(`${stream.name}.producer.per_second`, stream.messages_per_second, { ...PER_SECOND, ...KAFKA })),
  ];
}

function topic(node, stream) {
  const path = `${stream.name}.topics.${node.name}`;
  const dead = stream.dead.find((each) => each.topic === node.name);
  return [
    name(node.name),
    facts(
      number(`${path}.messages`, node.of.messages ?? null, KAFKA),
      number(`${path}.per_second`, node.of.per_second ?? null, { ...PER_SECOND, ...KAFKA }),
    ),
    dead?.letters ? deadLetters(stream, dead) : null,
  ];
}

function deadLetters(stream, dead) {
  const reasons = dead.reasons.map((each) => `${each.reason}: ${each.letters}`);
  const title = [...(dead.counting ? [COUNTING] : []), ...reasons].join("\n");
  return h(
    "a",
    { class: "tag warn", href: `/letters?topic=${encodeURIComponent(dead.dead_topic)}`, title },
    dead.counting ? "≥ " : null,
    number(`${stream.name}.dead.${dead.topic}.letters`, dead.letters),
    " dead",
  );
}

function transform(node, stream) {
  return [
    name(node.name, `${node.name}: ${node.of.source} → ${node.of.target}`),
    h("span", { class: "sr" }, `reads ${node.of.source}, writes ${node.of.target}`),
    facts(lag(`${stream.name}.transforms.${node.name}.lag`, node.of), owners(node.of.partitions)),
  ];
}

function sink(node, stream) {
  return [
    name("sink", `${node.of.topic} → ${node.of.tables.join(", ")}`),
    h("span", { class: "node-way", "aria-hidden": "true" }, breakable(`${node.of.topic} → ${node.of.tables.join(", ")}`)),
    h("span", { class: "sr" }, `reads ${node.of.topic}, fills ${node.of.tables.join(", ")}`),
    facts(lag(`${stream.name}.feeds.${node.of.topic}.lag`, node.of), owners(node.of.partitions)),
  ];
}

function table(node, stream) {
  const path = `${stream.name}.tables.${node.name}`;
  return [
    name(node.name),
    facts(
      number(`${path}.rows`, node.of.rows, CLICKHOUSE),
      number(`${path}.per_second`, node.of.per_second, { ...PER_SECOND, ...CLICKHOUSE }),
    ),
  ];
}

const lag = (path, of) => lagView(path, of, isLate(of), KAFKA);

/** Who works on partitions: the names, shortened; nobody is a warning. */
function owners(partitions) {
  if (!partitions?.length) return null;
  const names = [...new Set(partitions.map((each) => each.owner).filter(Boolean))];
  const alone = partitions.filter((each) => !each.owner).length;
  const title = partitions.map((each) => `partition ${each.partition}: ${each.owner ?? "nobody"}`).join("\n");
  if (!names.length) return h("span", { class: "owners nobody", title }, "nobody");
  const text = names.length > 1 ? `${names[0]} +${names.length - 1}` : names[0];
  return h(
    "span",
    { class: "owners", title },
    text,
    alone ? h("span", { class: "nobody" }, ` ${count(alone)} free`) : null,
  );
}
