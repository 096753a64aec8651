/** The panel of a stream without one of its own: its live question, as a table, and as a chart if it declares one. */

import { answerChart } from "../answer-chart.js";
import { h, render } from "../dom.js";
import { table } from "../table.js";

const MOST_ROWS = 50;

export function generic(stream) {
  const picture = h("div", {});
  const rows = h("div", {});
  const title = h("h2", {});
  const help = h("p", { class: "quiet" });
  const element = h("section", { class: "card panel" }, title, help, picture, rows);
  let [drawn, chart] = ["", null];

  function show(live) {
    const question = stream.questions.find((each) => each.name === live.question);
    title.textContent = live.question;
    help.textContent = question?.help ?? "";
    const now = JSON.stringify(live.rows);
    if (now === drawn) return;
    drawn = now;
    chart?.destroy();
    chart = answerChart(question?.chart, live.rows, live.question);
    picture.replaceChildren(...(chart ? [chart.element] : []));
    const names = live.rows.length ? Object.keys(live.rows[0]) : (question?.columns ?? []);
    const shown = live.rows.slice(0, MOST_ROWS).map((row) => names.map((name) => row[name]));
    render(
      rows,
      table(
        `Live answer to ${live.question}`,
        names.map((name) => ({ name })),
        shown,
      ),
    );
  }

  return { element, show };
}
