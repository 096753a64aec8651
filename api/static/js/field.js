/** One parameter of a question as a form field that knows what it takes. */

import { h } from "./dom.js";
import { isWhole, limit as written } from "./numbers.js";

/** What is wrong with a text for a parameter; "" when nothing is. Whole numbers of any size are compared exactly. */
export function complaint(parameter, text) {
  const { kind, required, minimum, maximum } = parameter;
  if (text === "") return required ? "Needed." : "";
  if (kind === "integer" && !isWhole(text)) return "A whole number, please.";
  if (kind === "number" && !Number.isFinite(Number(text))) return "A number, please.";
  if (kind === "time" && Number.isNaN(Date.parse(text))) return "A time, please.";
  const compared = kind === "integer" ? BigInt(text) : kind === "number" ? Number(text) : null;
  if (compared === null) return "";
  if (minimum !== null && minimum !== undefined && compared < exact(minimum, kind))
    return `At least ${written(minimum)}.`;
  if (maximum !== null && maximum !== undefined && compared > exact(maximum, kind))
    return `At most ${written(maximum)}.`;
  return "";
}

const GROUPED = /^[+-]?\d{1,3}([ _,\u00a0\u202f]\d{3})+(\.\d+)?$/;

/** A number without what people put between its thousands: 1,000, 1 000 and 1_000 are 1000; other texts as they are. */
export const ungrouped = (text) => (GROUPED.test(text) ? text.replace(/[ _,\u00a0\u202f]/g, "") : text);

const exact = (limit, kind) => (kind === "integer" ? BigInt(limit) : Number(limit));

/** A label, an input, its help and its error. `id` has to be unique on the page. */
export class Field {
  element;
  name;
  #input;
  #error = h("p", { class: "field-error", hidden: true });
  #parameter;

  constructor(parameter, id, onChange) {
    this.name = parameter.name;
    this.#parameter = parameter;
    this.#input = inputOf(parameter, id);
    this.#input.oninput = () => {
      this.complain("");
      onChange();
    };
    this.#error.id = `${id}-error`;
    const help = helpOf(parameter);
    if (help) this.#input.setAttribute("aria-describedby", `${id}-help`);
    this.element = h(
      "div",
      { class: "field" },
      h(
        "label",
        { for: id },
        parameter.name,
        parameter.required ? null : h("span", { class: "optional" }, " optional"),
      ),
      this.#input,
      help ? h("p", { class: "field-help", id: `${id}-help` }, help) : null,
      this.#error,
    );
  }

  /** What the server is sent; times in UTC. */
  get value() {
    const text = this.#input.value.trim();
    const { kind } = this.#parameter;
    if (kind === "time") return text && `${text}Z`;
    return kind === "integer" || kind === "number" ? ungrouped(text) : text;
  }

  /** Write into the field, as if it had been typed, but without telling anybody. */
  set(value) {
    this.#input.value = String(value);
    this.complain("");
  }

  /** Look at what was typed; says what is wrong with it, and whether it is right. */
  check() {
    this.complain(complaint(this.#parameter, this.value));
    return this.#error.hidden;
  }

  /** Show an error next to the field; "" takes it away. */
  complain(message) {
    this.#error.textContent = message;
    this.#error.hidden = !message;
    this.#input.setAttribute("aria-invalid", String(Boolean(message)));
    if (message) this.#input.setAttribute("aria-errormessage", this.#error.id);
    else this.#input.removeAttribute("aria-errormessage");
  }

  focus() {
    this.#input.focus();
  }
}

function inputOf(parameter, id) {
  const start = parameter.default ?? "";
  const common = {
    id,
    name: parameter.name,
    autocomplete: "off",
    "aria-required": parameter.required ? "true" : null,
  };
  if (parameter.choices) {
    const options = parameter.choices.map((choice) =>
      h("option", { value: choice, selected: String(choice) === String(start) }, String(choice)),
    );
    return h("select", common, parameter.required ? null : h("option", { value: "" }, "any"), options);
  }
  if (parameter.kind === "time")
    return h("input", {
      ...common,
      type: "datetime-local",
      step: 1,
      value: String(start).replace(/(\.\d+)?Z$/, ""),
    });
  const mode = { integer: "numeric", number: "decimal" }[parameter.kind];
  return h("input", { ...common, type: "text", inputmode: mode, value: start });
}

function helpOf({ kind, help, minimum, maximum }) {
  const [low, high] = [minimum ?? null, maximum ?? null];
  const [from, to] = [low, high].map((limit) => (limit === null ? "" : written(limit)));
  const range = from && to ? `${from} to ${to}` : from ? `from ${from}` : to ? `up to ${to}` : "";
  return [help, range, kind === "time" ? "UTC" : ""].filter(Boolean).join("; ");
}
