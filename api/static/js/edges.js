/** The lines between the parts of a drawing. */

import { render, svg } from "./dom.js";

const BEND = 0.5;

/**
 * Draw lines into an svg element that lies under the nodes. `nodes` finds the element of an id; edges are
 * {from, to, flows, parked}. A line bends in the gap after its start and then runs level, where no node stands.
 */
export function drawEdges(canvas, area, nodes, edges) {
  const origin = area.getBoundingClientRect();
  canvas.setAttribute("viewBox", `0 0 ${origin.width} ${origin.height}`);
  canvas.setAttribute("width", origin.width);
  canvas.setAttribute("height", origin.height);
  const lines = edges.map((edge) => {
    const from = nodes(edge.from)?.getBoundingClientRect();
    const to = nodes(edge.to)?.getBoundingClientRect();
    return from && to ? line(path(from, to, origin), edge) : null;
  });
  render(canvas, lines);
}

function path(from, to, origin) {
  const [x1, y1] = [from.right - origin.left, from.top + from.height / 2 - origin.top];
  const [x2, y2] = [to.left - origin.left, to.top + to.height / 2 - origin.top];
  const level = Math.abs(y2 - y1) < from.height / 2; // a tall box is left where the other one is
  const start = from.height > 1.5 * to.height && level ? y2 : y1;
  if (Math.abs(start - y2) < 1) return `M${x1} ${y2}H${x2}`;
  const turn = Math.min(x2, x1 + 40);
  const middle = x1 + (turn - x1) * BEND;
  return `M${x1} ${start}C${middle} ${start} ${middle} ${y2} ${turn} ${y2}H${x2}`;
}

function line(d, { flows, parked }) {
  const kind = parked ? "edge parked" : flows ? "edge flows" : "edge";
  return svg("g", { class: kind }, svg("path", { d, class: "pipe" }), svg("path", { d, class: "flow" }));
}
