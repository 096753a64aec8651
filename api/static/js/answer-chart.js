/** The chart that a question declares, of the rows that answer it. */

import { amountAxis, axis, barSeries, Chart, fromZero, lineSeries, powerAxis, timeAxis } from "./chart.js";
import { measured, moment } from "./numbers.js";
import { isLogarithmic } from "./scale.js";

const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/;

/** What is on the x axis: {kind: "time" | "number" | "text", values}; texts are numbered, and kept as labels. */
export function horizontal(rows, column) {
  const given = rows.map((row) => row[column]);
  if (given.every((value) => TIME.test(value)))
    return { kind: "time", values: given.map((value) => Date.parse(value) / 1000) };
  if (given.every((value) => value !== null && value !== "" && Number.isFinite(Number(value)))) {
    return { kind: "number", values: given.map(Number) };
  }
  return { kind: "text", values: given.map((_, at) => at), labels: given.map(String) };
}

/** A Chart of rows, as `declared` says; null where there is nothing to draw. */
export function answerChart(declared, rows, label, height = 220) {
  if (!declared || rows.length < 2) return null;
  const x = horizontal(rows, declared.x);
  const order = x.values.map((_, at) => at).sort((a, b) => x.values[a] - x.values[b]);
  const columns = declared.y.map((name) =>
    order.map((at) => (rows[at][name] === null ? null : Number(rows[at][name]))),
  );
  const across = order.map((at) => x.values[at]);
  const tell = (_, at) =>
    [nameOf(x, order[at]), ...declared.y.map((name, each) => `${name} ${measured(columns[each][at])}`)].join(
      " · ",
    );
  const logarithmic = declared.kind !== "bars" && isLogarithmic(columns.flat());
  const chart = new Chart(label, (colours) => optionsOf(declared, x, colours, logarithmic), { height, tell });
  chart.show([across, ...columns]);
  return chart;
}

function nameOf(x, at) {
  if (x.kind === "text") return x.labels[at];
  return x.kind === "time" ? moment(x.values[at] * 1000) : measured(x.values[at]);
}

function optionsOf(declared, x, colours, logarithmic) {
  const bars = declared.kind === "bars";
  const looks = [colours.s1, colours.s2, colours.warn];
  return {
    scales: {
      x: { time: x.kind === "time", range: edges(x.values, bars) },
      y: logarithmic ? { distr: 3 } : { range: bars ? fromZero : undefined },
    },
    series: [{}, ...declared.y.map((name, at) => seriesOf(bars, looks[at % looks.length], at))],
    axes: [
      acrossAxis(x, colours, declared.x_label),
      (logarithmic ? powerAxis : amountAxis)(colours, { label: declared.y_label || undefined }),
    ],
  };
}

const seriesOf = (bars, colour, at) =>
  bars ? barSeries(colour) : lineSeries(colour, { fill: undefined, dash: at ? [6, 3] : undefined });

function acrossAxis(x, colours, label) {
  const more = { label: label || undefined };
  if (x.kind === "time") return timeAxis(colours, more);
  if (x.kind === "number") return axis(colours, { ...more, size: 28 });
  return axis(colours, {
    ...more,
    size: 28,
    splits: () => x.values,
    values: (_, ticks) => ticks.map((tick) => x.labels[tick] ?? ""),
  });
}

/** Bars need half a bar of room at both ends. */
function edges(values, bars) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = bars ? (high - low) / Math.max(1, values.length - 1) / 2 : 0;
  return () => [low - room, high + room || low + 1];
}
