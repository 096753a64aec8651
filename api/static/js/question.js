/** A question of a stream as a form: its parameters, its answer, and how to ask it from a terminal. */

import { answerNodes } from "./answer.js";
import { CopyLine, curl } from "./copy.js";
import { h } from "./dom.js";
import { Field } from "./field.js";
import { getJson, withParameters } from "./http.js";

/** The form of one question; `id` begins the ids of its fields. */
export class QuestionForm {
  element;
  #question;
  #fields;
  #line;
  #failure = h("p", { class: "notice bad", role: "alert", hidden: true });
  #answer = h("div", { class: "answer", "aria-live": "polite" });
  #button = h("button", { type: "submit" }, "Ask");
  #asking = null;

  constructor(question, id) {
    this.#question = question;
    this.#fields = question.parameters.map(
      (each) => new Field(each, `${id}-${each.name}`, () => this.#showLine()),
    );
    this.#line = new CopyLine(`the command that asks ${question.name}`);
    const form = h(
      "form",
      {
        novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          this.#ask();
        },
      },
      this.#fields.length
        ? h(
            "div",
            { class: "fields" },
            this.#fields.map((field) => field.element),
          )
        : null,
      h("div", { class: "actions" }, this.#button, this.#line.element),
    );
    this.element = h(
      "article",
      { class: "question card", id },
      h("h3", {}, question.name),
      h("p", { class: "quiet" }, question.help),
      form,
      this.#failure,
      this.#answer,
    );
    this.#showLine();
  }

  get #parameters() {
    return Object.fromEntries(this.#fields.map((field) => [field.name, field.value]));
  }

  #showLine() {
    this.#line.show(curl(location.origin + withParameters(this.#question.path, this.#parameters)));
  }

  /** The page after an answer: its parameters go into the fields, so that one sees what is asked. */
  #askNext(next) {
    for (const field of this.#fields) if (field.name in next) field.set(next[field.name]);
    this.#showLine();
    this.#ask(next);
  }

  async #ask(more = {}) {
    this.#asking?.abort();
    const wrong = this.#fields.filter((field) => !field.check());
    if (wrong.length) {
      this.#answer.replaceChildren(); // it answered other values
      this.#failure.hidden = true;
      return wrong[0].focus();
    }
    const asking = (this.#asking = new AbortController());
    this.#button.disabled = true;
    this.#failure.hidden = true;
    try {
      const parameters = { ...this.#parameters, ...more };
      const answer = await getJson(withParameters(this.#question.path, parameters), asking.signal);
      const picture = this.#question.chart ? withParameters(`${this.#question.path}.png`, parameters) : null;
      this.#answer.replaceChildren(
        ...answerNodes(this.#question, answer, { picture, onNext: (next) => this.#askNext(next) })
          .flat()
          .filter(Boolean),
      );
    } catch (problem) {
      if (problem.name !== "AbortError") this.#fail(problem);
    } finally {
      if (asking === this.#asking) this.#button.disabled = false;
    }
  }

  /** Errors of a parameter go next to its field, what is left below the form. */
  #fail(problem) {
    this.#answer.replaceChildren();
    const left = (problem.errors ?? []).filter(({ where, message }) => {
      const field = this.#fields.find((each) => each.name === String(where).split(".").at(-1));
      field?.complain(message);
      return !field;
    });
    const placed = (problem.errors ?? []).length > left.length && !left.length;
    this.#failure.textContent = [
      placed ? "" : problem.message,
      ...left.map(({ where, message }) => `${where}: ${message}`),
    ]
      .filter(Boolean)
      .join(" ");
    this.#failure.hidden = placed;
    this.#fields
      .find((field) => problem.errors?.some(({ where }) => String(where).endsWith(field.name)))
      ?.focus();
  }
}
