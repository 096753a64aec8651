/** One dead letter: why it is one, where it came from, and its bytes. */

import { bytesView, spaced } from "./bytes.js";
import { h } from "./dom.js";
import { count, moment } from "./numbers.js";

/**
 * Nodes for a letter of a dead-letter topic; its title has the id "letter-title". `hrefs` are {newer, older, close}, the
 * addresses of its neighbours (null: there is none here) and of the page without it.
 */
export function letterView(deadTopic, letter, hrefs) {
  return [
    letterHead(hrefs, [
      `${deadTopic} `,
      h("span", { class: "quiet" }, `offset ${count(letter.offset)}`),
    ]),
    h("p", { class: "notice warn" }, letter.reason),
    h(
      "dl",
      { class: "origin" },
      fact("refused by", letter.by),
      fact("at", moment(letter.time)),
      fact(
        "came from",
        letter.topic === null
          ? null
          : `${letter.topic}, partition ${letter.partition}, offset ${count(letter.source_offset ?? "–")}`,
      ),
      fact("sent at", letter.source_time ? moment(letter.source_time) : null),
    ),
    bytesView("Key", letter.key),
    bytesView("Value", letter.value, `/letters/${encodeURIComponent(deadTopic)}/${letter.offset}/value`),
    h("h3", {}, "Headers"),
    letter.headers.length
      ? h("dl", { class: "headers" }, letter.headers.map(header))
      : h("p", { class: "quiet" }, "none"),
  ];
}

/** The title, and the ways from here. */
export function letterHead({ newer = null, older = null, close }, title) {
  const way = (href, words, more = {}) => (href ? h("a", { href, class: "way", ...more }, words) : null);
  return h(
    "div",
    { class: "letter-head" },
    h("h2", { id: "letter-title", tabindex: "-1" }, title),
    h(
      "nav",
      { "aria-label": "Letters" },
      way(newer, "Newer", { "data-offset": "" }),
      way(older, "Older", { "data-offset": "" }),
      way(close, "Close", { title: "Escape", "data-close": "" }),
    ),
  );
}

function fact(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value ?? "–"));
}

function header({ name, value }) {
  const hex = () => [h("span", { class: "tag" }, "hex"), ` ${spaced(value.hex)}`];
  return h("div", {}, h("dt", {}, name), h("dd", {}, value === null ? "–" : (value.text ?? hex())));
}
