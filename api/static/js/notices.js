/** What somebody should know of a stream, above its drawing. */

import { h } from "./dom.js";
import { sum } from "./numbers.js";
import { verdictNotice } from "./verdict.js";

/** Parked feeds with their reasons, a wrong verdict, and what to do when nothing was ever sent. */
export function notices(stream) {
  return [
    verdictNotice(stream.verdict),
    stream.parked.map(({ where, reason }) =>
      h("p", { class: "notice bad" }, h("strong", {}, `${where} is parked. `), reason),
    ),
    isEmpty(stream) ? h("p", { class: "notice" }, emptyWords(stream)) : null,
  ];
}

/** Servers that do not answer. */
export function serverNotices({ kafka, clickhouse }) {
  const silent = [
    ["Kafka", kafka],
    ["ClickHouse", clickhouse],
  ].filter(([, server]) => server && !server.ok);
  return silent.map(([name, { detail }]) =>
    h(
      "p",
      { class: "notice warn" },
      h("strong", {}, `${name} does not answer. `),
      detail,
      " What it alone knows is shown as –.",
    ),
  );
}

/** Whether it is known that no event was ever sent or stored. */
export function isEmpty(stream) {
  const messages = sum(stream.topics.map((topic) => topic.messages));
  return messages === 0 && !stream.rows;
}

function emptyWords(stream) {
  if (!stream.producer) return `No events yet: send JSON to the topic ${stream.topics[0]?.name ?? ""}.`;
  return ["No events yet: start the producer with ", h("code", {}, `python -m producer ${stream.name}`), "."];
}
