/** What can be copied: a line for the terminal, the text of an element. */

import { h } from "./dom.js";

const SAID_MS = 1500;

/** A button that copies the text of an element. */
export class CopyButton {
  #target;
  #button = h("button", { type: "button", class: "small", onclick: () => this.#copy() }, "Copy");
  #said = h("span", { class: "sr", role: "status" });

  constructor(label, target) {
    this.#target = target;
    this.#button.setAttribute("aria-label", `Copy ${label}`);
    this.elements = [this.#button, this.#said];
  }

  async #copy() {
    const done = await copied(this.#target);
    this.#button.textContent = done ? "Copied" : "Selected";
    this.#said.textContent = done ? "copied" : "selected: copy it with the keyboard";
    setTimeout(() => {
      this.#button.textContent = "Copy";
      this.#said.textContent = "";
    }, SAID_MS);
  }
}

/** The line's element; show(text) changes it. */
export class CopyLine {
  #code = h("code", {});

  constructor(label) {
    this.element = h(
      "div",
      { class: "copy-line" },
      h("pre", { tabindex: "0", "aria-label": label, role: "region" }, this.#code),
      new CopyButton(label, this.#code).elements,
    );
  }

  show(text) {
    this.#code.textContent = text;
  }
}

/** Browsers give the clipboard to secure pages only; elsewhere the text is selected. */
async function copied(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return false;
  }
}

/** A curl command that asks for a URL. */
export const curl = (url) => `curl '${url.replaceAll("'", "%27")}'`;
