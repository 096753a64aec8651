/** A level in a chart that one moves with the pointer or the arrow keys. */

import { h } from "../dom.js";

const STEPS = { ArrowUp: 0.1, ArrowRight: 0.1, ArrowDown: -0.1, ArrowLeft: -0.1, PageUp: 1, PageDown: -1 };

/** A line with a handle, as a slider; give its hooks to the chart. onMove(value) is told where the reader puts it. */
export class Threshold {
  value;
  #low;
  #high;
  #onMove;
  #plot = null;
  #handle;

  constructor(value, low, high, onMove) {
    Object.assign(this, { value });
    [this.#low, this.#high, this.#onMove] = [low, high, onMove];
    this.#handle = h(
      "div",
      {
        class: "threshold",
        role: "slider",
        tabindex: "0",
        "aria-label": "Threshold",
        "aria-orientation": "vertical",
        "aria-valuemin": low,
        "aria-valuemax": high,
        onpointerdown: (event) => {
          event.preventDefault();
          this.#handle.focus();
          this.#handle.setPointerCapture(event.pointerId);
        },
        onpointermove: (event) => this.#handle.hasPointerCapture(event.pointerId) && this.#drag(event),
        onmousedown: (event) => event.stopPropagation(),
        onkeydown: (event) => this.#key(event),
      },
      h("span", { class: "grip", "aria-hidden": "true" }),
    );
  }

  /** What the chart calls when it is made, and whenever it has drawn. */
  get hooks() {
    return {
      ready: [
        (plot) => {
          this.#plot = plot;
          plot.over.append(this.#handle);
          this.#place();
        },
      ],
      draw: [() => this.#place()],
    };
  }

  /** Move it without telling anybody. */
  set(value) {
    this.value = value;
    this.#place();
  }

  #move(value) {
    this.set(Math.round(Math.min(this.#high, Math.max(this.#low, value)) * 100) / 100);
    this.#onMove(this.value);
  }

  #drag(event) {
    const area = this.#plot.over.getBoundingClientRect();
    this.#move(Math.round(this.#plot.posToVal(event.clientY - area.top, "y") * 20) / 20);
  }

  #key(event) {
    const to =
      { Home: this.#low, End: this.#high }[event.key] ??
      (STEPS[event.key] ? this.value + STEPS[event.key] : null);
    if (to === null) return;
    event.preventDefault();
    this.#move(to);
  }

  #place() {
    this.#handle.setAttribute("aria-valuenow", this.value);
    this.#handle.querySelector(".grip").textContent = String(this.value);
    if (this.#plot) this.#handle.style.top = `${this.#plot.valToPos(this.value, "y")}px`;
  }
}
