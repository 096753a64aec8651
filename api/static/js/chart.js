/** uPlot in a place of its own: it follows the width and the colour scheme, and tells values under the pointer. */

import { h } from "./dom.js";
import { amounts, clocks, power } from "./numbers.js";

const uPlot = window.uPlot;
const DARK = matchMedia("(prefers-color-scheme: dark)");
const FONT = '12px system-ui, "Liberation Sans", "DejaVu Sans", sans-serif';
const COLOURS = ["ink", "muted", "grid", "card", "s1", "s2", "warn"];

/** The colours of the style sheet, as they are now. */
export function theme() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/**
 * A chart. `options(colours)` makes what uPlot wants, without a size; `tell(data, at)` is the text for the values at an
 * index. Canvas is a picture: `label` says what of, and whoever makes a chart puts the numbers beside it. A chart with
 * something to operate in it is a "group" by its role.
 */
export class Chart {
  element;
  #plot = null;
  #data = null;
  #place = h("div", { class: "plot" });
  #told = h("p", { class: "told", "aria-hidden": "true" });
  #options;
  #height;
  #tell;
  #onDark = () => this.rebuild();
  #onWidth = new ResizeObserver(() => this.#fit());

  constructor(label, options, { height = 180, tell = () => "", role = "img" } = {}) {
    this.#place.setAttribute("role", role);
    this.#place.setAttribute("aria-label", label);
    this.#options = options;
    this.#height = height;
    this.#tell = tell;
    this.element = h("div", { class: "chart" }, this.#told, this.#place);
    DARK.addEventListener("change", this.#onDark);
    this.#onWidth.observe(this.#place);
  }

  /** Show data: columns, x first, as uPlot wants them. */
  show(data) {
    this.#data = data;
    if (this.#plot) this.#plot.setData(data);
    else this.#fit();
  }

  /** Draw anew, with other options. */
  rebuild(options = this.#options) {
    this.#options = options;
    this.#plot?.destroy();
    this.#plot = null;
    this.#fit();
  }

  /** For a chart that is shown no longer. */
  destroy() {
    DARK.removeEventListener("change", this.#onDark);
    this.#onWidth.disconnect();
    this.#plot?.destroy();
  }

  #fit() {
    const width = this.#place.clientWidth;
    if (!width || !this.#data) return;
    if (this.#plot) return this.#plot.setSize({ width, height: this.#height });
    const options = this.#options(theme());
    const hooks = {
      ...options.hooks,
      setCursor: [(plot) => this.#say(plot), ...(options.hooks?.setCursor ?? [])],
    };
    const cursor = { drag: { x: false, y: false }, points: { size: 7 }, y: false };
    this.#plot = new uPlot(
      {
        legend: { show: false },
        tzDate: (time) => uPlot.tzDate(new Date(time * 1000), "Etc/UTC"),
        padding: [8, 32, 0, 0],
        cursor,
        ...options,
        hooks,
        width,
        height: this.#height,
      },
      this.#data,
      this.#place,
    );
  }

  #say(plot) {
    const at = plot.cursor.idx;
    this.#told.textContent = at === null || at === undefined ? "" : this.#tell(plot.data, at);
  }
}

/** An axis in quiet colours. */
export function axis(colours, more = {}) {
  return {
    stroke: colours.muted,
    font: FONT,
    labelFont: FONT,
    labelSize: 20,
    grid: { stroke: colours.grid, width: 1 },
    ticks: { stroke: colours.grid, size: 4, width: 1 },
    ...more,
  };
}

/** An axis of times, in seconds since 1970. */
export const timeAxis = (colours, more = {}) =>
  axis(colours, {
    space: 66,
    size: 28,
    values: (_, ticks) => clocks(ticks),
    ...more,
  });

/** An axis of amounts, short. */
export const amountAxis = (colours, more = {}) =>
  axis(colours, {
    size: 60,
    space: 32,
    values: (_, ticks) => amounts(ticks),
    ...more,
  });

/** An axis of powers of ten, of a scale that is logarithmic. */
export const powerAxis = (colours, more = {}) =>
  axis(colours, {
    size: 44,
    splits: (_, __, low, high) => powers(low, high),
    filter: (_, splits) => splits,
    values: (_, splits) => splits.map((split) => power(Math.round(Math.log10(split)))),
    ...more,
  });

function powers(low, high, most = 8) {
  const least = low > 0 ? low : 1;
  const [first, last] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(Math.max(10 * least, high)))];
  const step = Math.ceil((last - first) / most);
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, at) => 10 ** (first + at * step));
}

/** From 0 to a little above the highest value. */
export const fromZero = (_, __, highest) => [0, highest > 0 ? highest * 1.1 : 1];

/** A series drawn as a line, the area under it tinted. */
export function lineSeries(colour, more = {}) {
  return { stroke: colour, width: 1.75, fill: `${colour}1f`, points: { show: false }, ...more };
}

/** A series drawn as bars around each x. */
export function barSeries(colour) {
  return {
    stroke: colour,
    fill: `${colour}cc`,
    width: 0,
    points: { show: false },
    paths: uPlot.paths.bars({ size: [0.86, 80], radius: 0.15 }),
  };
}
