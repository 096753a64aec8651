/** Bytes as text and in hexadecimal digits. */

import { CopyButton } from "./copy.js";
import { h } from "./dom.js";
import { count, size } from "./numbers.js";

const PER_LINE = 16;

/** Lines of offset, sixteen bytes and their printable ASCII, from hexadecimal digits. */
export function dump(hex) {
  const bytes = hex.replace(/\s+/g, "").match(/../g) ?? [];
  const lines = [];
  for (let at = 0; at < bytes.length; at += PER_LINE) {
    const some = bytes.slice(at, at + PER_LINE);
    const text = some.map((byte) => printable(parseInt(byte, 16))).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${some.join(" ").padEnd(PER_LINE * 3 - 1)}  ${text}`);
  }
  return lines.join("\n");
}

const printable = (code) => (code >= 32 && code < 127 ? String.fromCharCode(code) : ".");

/** ff fe, from hexadecimal digits. */
export const spaced = (hex) => hex.replace(/\s+/g, "").replace(/..(?=.)/g, "$& ");

/** One value of a message, named; null means that the message has none. `href`: where all its bytes can be had. */
export function bytesView(name, bytes, href = null) {
  if (bytes === null)
    return h("section", { class: "bytes" }, h("h3", {}, name), h("p", { class: "quiet" }, "none"));
  const shown = bytes.cut ? `, the first ${count(bytes.hex.replace(/\s+/g, "").length / 2)} are shown` : "";
  const isText = bytes.text !== null;
  const text = isText ? frame(`${name} as text`, bytes.text || " ", "wrap") : null;
  const hex = frame(`${name} in hexadecimal digits`, dump(bytes.hex));
  return h(
    "section",
    { class: "bytes" },
    h(
      "div",
      { class: "bytes-head" },
      h("h3", {}, name, h("span", { class: "quiet" }, ` ${size(bytes.bytes)}${shown}`)),
      new CopyButton(isText ? `${name} as text` : `${name} in hexadecimal digits`, text ?? hex).elements,
      href ? h("a", { href, download: true }, "Download") : null,
    ),
    text ?? h("p", { class: "quiet" }, "Not UTF-8."),
    h("details", { open: !isText }, h("summary", {}, "Hexadecimal"), hex),
  );
}

const frame = (label, text, looks = "") =>
  h("pre", { class: `frame ${looks}`, tabindex: "0", role: "region", "aria-label": label }, text);
