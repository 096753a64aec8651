/** The page `/`: every stream as a drawing, and a summary on top. */

import { follow } from "./connection.js";
import { Drawing, headings, widthFor } from "./drawing.js";
import { h, render } from "./dom.js";
import { ageNotice, isOld } from "./freshness.js";
import { showHeader, showLink, showStreams } from "./header.js";
import { getJson } from "./http.js";
import { hasLate, lagView } from "./lag.js";
import { depthOf } from "./layout.js";
import { notices, serverNotices } from "./notices.js";
import { number, rate, sum } from "./numbers.js";
import { Recent } from "./spark.js";
import { summary } from "./summary.js";
import { verdictBadge } from "./verdict.js";


const tiles = h("dl", { class: "tiles" });
const servers = h("div", {});
const columns = h("div", { class: "columns" });
const lanes = h("div", { class: "lanes" }, h("p", { class: "quiet" }, "Waiting for the first numbers …"));
const byName = new Map();
const rates = new Recent();

showHeader();
document
  .getElementById("main")
  .append(
    h("h1", {}, "Overview"),
    h("section", { "aria-label": "Summary" }, tiles),
    servers,
    h("section", { "aria-label": "Streams" }, columns, lanes),
  );
follow("/ws/overview", show, (state) => {
  if (state.kind === "lost") rates.add(null, Date.now() / 1000);
  showLink(state);
});
getJson("/history").then(
  ({ streams }) => rates.begin(...totals(Object.values(streams))),
  () => {}, // the line begins now
);

/** [times, rows a second] of all streams together. */
function totals(streams) {
  const times = streams[0]?.times ?? [];
  return [times, times.map((_, at) => sum(streams.map((each) => each.rows_per_second[at])))];
}

function show(everything) {
  const { streams } = everything;
  const stored = isOld(everything) ? null : sum(streams.map((stream) => stream.rows_per_second));
  rates.add(stored, Date.parse(everything.time) / 1000);
  showStreams(streams.map((stream) => stream.name));
  render(tiles, summary(streams, rates));
  document.getElementById("main").classList.toggle("stale", isOld(everything));
  render(servers, ageNotice(everything), serverNotices(everything));
  if (sameNames(streams) === false) rebuild(streams);
  const depth = Math.max(0, ...streams.map(depthOf));
  for (const stream of streams) byName.get(stream.name).show(stream, depth);
  const [first] = byName.values();
  render(columns, first?.width >= widthFor(depth) ? headings(depth) : null);
}

function sameNames(streams) {
  return byName.size > 0 && streams.map((stream) => stream.name).join() === [...byName.keys()].join();
}

function rebuild(streams) {
  byName.clear();
  for (const { name } of streams) byName.set(name, new Lane(name));
  lanes.replaceChildren(...[...byName.values()].map((lane) => lane.element));
  if (!streams.length)
    lanes.append(
      h("p", { class: "notice" }, "There are no streams: see CONTRIBUTING.md on how to write one."),
    );
}

/** A stream's place on the page: its name, what it is, how it is, and its drawing. */
class Lane {
  #head = h("div", { class: "lane-head" });
  #notices = h("div", {});
  #drawing;

  constructor(name) {
    this.#drawing = new Drawing(`The way of ${name}`);
    this.element = h(
      "section",
      { class: "lane card", id: `stream-${name}` },
      this.#head,
      this.#notices,
      this.#drawing.element,
    );
    this.element.setAttribute("aria-label", name);
  }

  /** Of the drawing, in pixels. */
  get width() {
    return this.#drawing.element.clientWidth;
  }

  show(stream, depth) {
    render(this.#head, head(stream));
    render(this.#notices, notices(stream));
    this.#drawing.show(stream, depth);
  }
}

function head(stream) {
  const { name } = stream;
  return [
    h("h2", {}, h("a", { href: `/live/${encodeURIComponent(name)}` }, name)),
    h("p", { class: "lane-help", title: stream.help }, stream.help),
    h(
      "p",
      { class: "lane-facts" },
      h("span", {}, number(`${name}.rows`, stream.rows), " rows"),
      h("span", {}, number(`${name}.rows_per_second`, stream.rows_per_second, { format: rate, unit: "/s" })),
      lagView(`${name}.lag`, stream, hasLate(stream)),
      verdictBadge(stream.verdict, name),
    ),
  ];
}
