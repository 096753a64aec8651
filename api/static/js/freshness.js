/** Whether the server itself knows how the pipeline stands now: its look at Kafka and ClickHouse may not come back. */

import { h } from "./dom.js";
import { age } from "./numbers.js";

const OLD_S = 15;

/** Whether a state of the server is too old to be taken for now. */
export const isOld = ({ age_s }) => (age_s ?? 0) > OLD_S;

/** What to say of a state that is old; null for another. */
export const ageNotice = (state) =>
  isOld(state)
    ? h(
        "p",
        { class: "notice warn" },
        h("strong", {}, `Seen ${age(state.age_s)} ago. `),
        "The look at Kafka and ClickHouse that the api began then has not come back.",
      )
    : null;
