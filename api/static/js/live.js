/** The page `/live/{stream}`: what the stream says of itself, now. One without a panel of its own has all the rest. */

import { follow, waitAfter } from "./connection.js";
import { h, render } from "./dom.js";
import { Drawing } from "./drawing.js";
import { ageNotice, isOld } from "./freshness.js";
import { showHeader, showLink } from "./header.js";
import { getJson, withParameters } from "./http.js";
import { Latest } from "./latest.js";
import { notices } from "./notices.js";
import { number } from "./numbers.js";
import { panelOf } from "./panels/index.js";
import { partitions } from "./partitions.js";
import { QuestionForm } from "./question.js";
import { Rates } from "./rates.js";
import { verdictBadge } from "./verdict.js";

const name = decodeURIComponent(location.pathname.split("/").filter(Boolean).at(-1));
const main = document.getElementById("main");

showHeader();
document.title = `${name} · Penstock`;
render(main, h("h1", {}, name), h("p", { class: "quiet" }, "Waiting for the server …"));
open();

/** What is asked once: the questions. The rest comes by itself. */
async function open(failures = 1) {
  try {
    const stream = await getJson(`/streams/${encodeURIComponent(name)}`);
    showLink({ kind: "connecting" });
    new Page(stream).follow();
  } catch (problem) {
    if (problem.status === 404) return noSuchStream();
    if (problem.status !== 0)
      render(main, h("h1", {}, name), h("p", { class: "notice bad", role: "alert" }, problem.message));
    const waitMs = waitAfter(failures);
    const timer = setTimeout(() => open(failures + 1), waitMs);
    const retry = () => {
      clearTimeout(timer);
      open(failures + 1);
    };
    if (problem.status !== 0) return showLink({ kind: "connecting" });
    showLink({ kind: "lost", never: true, since: Date.now(), retryAt: Date.now() + waitMs, retry });
  }
}

async function noSuchStream() {
  const { streams } = await getJson("/streams").catch(() => ({ streams: [] }));
  const links = streams.map((each) =>
    h("li", {}, h("a", { href: `/live/${encodeURIComponent(each.name)}` }, each.name)),
  );
  render(
    main,
    h("h1", {}, `There is no stream “${name}”`),
    h("p", {}, "These there are:"),
    h("ul", {}, links),
  );
}

class Page {
  #stream;
  #head = h("div", { class: "page-head" });
  #notices = h("div", {});
  #waiting = h("p", { class: "quiet", role: "status" }, "Waiting for the first numbers …");
  #panel;
  #rates = new Rates(name);
  #drawing = new Drawing(`The way of ${name}`);
  #partitions = h("div", {});
  #latest = new Latest(name);

  constructor(stream) {
    this.#stream = stream;
    const ask = (question, parameters, signal) => getJson(withParameters(question.path, parameters), signal);
    this.#panel = panelOf(name)(stream, ask);
    this.#panel.element.hidden = true;
    main.replaceChildren(
      this.#head,
      this.#notices,
      this.#waiting,
      this.#panel.element,
      this.#rates.element,
      this.#way(),
      this.#latest.element,
      ...this.#questions(),
    );
    this.#show(stream);
  }

  follow() {
    const heard = (frame) => {
      this.#show(frame.state);
      const time_s = Date.parse(frame.time) / 1000;
      if (isOld(frame.state)) this.#rates.gap(time_s);
      else this.#rates.add(frame.state, time_s);
      this.#showLive(frame);
      this.#latest.refresh();
    };
    let wasLost = true;
    follow(`/ws/${encodeURIComponent(name)}`, heard, (state) => {
      if (state.kind === "lost") this.#rates.gap(Date.now() / 1000);
      if (state.kind === "live" && wasLost) this.#remember();
      wasLost = state.kind === "lost" || (wasLost && state.kind !== "live");
      showLink(state);
    });
  }

  /** What the server knows of the minutes in which this page was not here. */
  async #remember() {
    const { streams } = await getJson("/history").catch(() => ({ streams: {} }));
    if (streams[name]) this.#rates.before(streams[name]);
  }

  #way() {
    return h(
      "section",
      { class: "card", "aria-labelledby": "way-title" },
      h("h2", { id: "way-title" }, "Pipeline"),
      this.#drawing.element,
      this.#partitions,
    );
  }

  #questions() {
    const { questions } = this.#stream;
    if (!questions.length) return [];
    const forms = questions.map(
      (question) => new QuestionForm(question, `question-${question.name}`).element,
    );
    return [
      h("h2", { class: "section-title", id: "questions" }, "Questions"),
      h("div", { class: "questions" }, forms),
    ];
  }

  #show(stream) {
    render(
      this.#head,
      h("div", {}, h("h1", {}, name), h("p", { class: "quiet" }, stream.help)),
      h(
        "p",
        { class: "lane-facts" },
        h("span", {}, number(`${name}.rows`, stream.rows), " rows"),
        verdictBadge(stream.verdict, name),
      ),
    );
    render(this.#notices, ageNotice(stream), notices(stream));
    this.#drawing.show(stream);
    render(this.#partitions, partitions(stream));
    for (const part of [this.#head, this.#rates.element, this.#drawing.element, this.#partitions])
      part.classList.toggle("stale", isOld(stream));
  }

  /** What was live stays, greyed, when there is no answer; and it is said why. */
  #showLive({ live, detail }) {
    this.#waiting.textContent = live ? "" : detail || "This stream has no live question.";
    this.#waiting.hidden = Boolean(live);
    this.#panel.element.classList.toggle("stale", !live);
    if (!live) return;
    this.#panel.element.hidden = false;
    this.#panel.show(live);
  }
}
