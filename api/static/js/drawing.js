/** A stream drawn as it flows: producer → topics → transforms → topics → sinks → tables. */

import { h, render, svg } from "./dom.js";
import { drawEdges } from "./edges.js";
import { columnsOf, depthOf, layout } from "./layout.js";
import { nodeElement } from "./nodes.js";
import { parkedNodes } from "./parked.js";

const ROOMY = { column: 118, gap: 32 };
const TIGHT = { column: 98, gap: 16 };
const HEADINGS = {
  producer: "producer",
  topic: "topic",
  transform: "transform",
  sink: "sink",
  table: "table",
};

/** How wide a drawing with so many transforms in a row has to be for its columns, in pixels. */
export function widthFor(depth, { column, gap } = ROOMY) {
  const columns = columnsOf(depth).length;
  return columns * column + (columns - 1) * gap;
}

/** The words above the columns, aligned with drawings of the same depth. */
export function headings(depth) {
  const words = columnsOf(depth).map((kind) => h("span", {}, HEADINGS[kind]));
  return h("div", { class: "headings", "aria-hidden": "true", style: columnStyle(depth, ROOMY) }, words);
}

/** The drawing of one stream. Give it states; it follows the width of its place by itself. */
export class Drawing {
  element;
  #canvas = svg("svg", { class: "edges", "aria-hidden": "true" });
  #list = h("ul", { class: "nodes" });
  #stream = null;
  #depth = null;

  constructor(label) {
    this.#list.setAttribute("aria-label", label);
    this.element = h("div", { class: "drawing" }, this.#canvas, this.#list);
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  /** Show a state of the stream; `depth` aligns several drawings, where there is room. */
  show(stream, depth = null) {
    this.#stream = stream;
    this.#depth = depth;
    this.#draw();
  }

  #draw() {
    const stream = this.#stream;
    if (!stream || !this.element.clientWidth) return;
    const width = this.element.clientWidth;
    const aligned = this.#depth !== null && width >= widthFor(this.#depth);
    const depth = aligned ? this.#depth : depthOf(stream);
    const room = [ROOMY, TIGHT].find((each) => width >= widthFor(depth, each)) ?? null;
    const { nodes, edges } = layout(stream, depth);
    const parked = parkedNodes(stream);
    this.element.classList.toggle("stacked", room === null);
    this.element.classList.toggle("aligned", aligned);
    this.element.classList.toggle("tight", room === TIGHT);
    for (const [key, value] of Object.entries(columnStyle(depth, room ?? TIGHT)))
      this.#list.style.setProperty(key, value);
    render(
      this.#list,
      inOrder(nodes).map((node) => nodeElement(node, stream, parked.get(node.id) ?? null)),
    );
    const find = (id) => [...this.#list.children].find((child) => child.dataset.node === id);
    const lines = edges.map((edge) => ({ ...edge, ...stateOf(edge, stream, parked) }));
    if (room) drawEdges(this.#canvas, this.element, find, lines);
  }
}

function columnStyle(depth, { gap }) {
  return {
    "grid-template-columns": `repeat(${columnsOf(depth).length}, minmax(0, 1fr))`,
    "column-gap": `${gap}px`,
  };
}

/** As one reads: the way of an event, from left to right. */
function inOrder(nodes) {
  return [...nodes].sort((a, b) => a.column - b.column || a.row - b.row);
}

function stateOf(edge, stream, parked) {
  const topic = stream.topics.find((each) => each.name === edge.topic);
  return { flows: (topic?.per_second ?? 0) > 0, parked: parked.has(edge.to) };
}
