/** How much waits, and for how long: worth a colour only when it is long. */

import { h } from "./dom.js";
import { age, number } from "./numbers.js";

const LATE_S = 10;

/** Whether a sink or a transform is late: it would need more than some seconds for what waits, or does nothing. */
export const isLate = ({ stalled, behind_s }) => Boolean(stalled) || (behind_s ?? 0) > LATE_S;

/** Whether any sink or transform of a stream is. */
export const hasLate = (stream) => [...stream.transforms, ...stream.feeds].some(isLate);

/** "5 s", the time that what waits will take; "" where it is short or not known. */
export const behind = ({ behind_s }) => (behind_s >= 1 ? age(behind_s) : "");

/** The lag of a sink, a transform or a stream: messages, and how long they take at the present pace. */
export function lagView(path, of, late, options = {}) {
  const time = behind(of);
  return h(
    "span",
    { class: late ? "lag some" : "lag", title: time ? `about ${time} at the present pace` : null },
    "lag ",
    number(path, of.lag, options),
    time ? h("span", { class: "time" }, ` · ${time}`) : null,
  );
}
