/** The head of each page: where one can go, and whether what one sees is fresh. */

import { h, render } from "./dom.js";
import { getJson } from "./http.js";
import { age, clock, moment } from "./numbers.js";

const WORDS = { connecting: "connecting", live: "live", lost: "lost", ended: "ended", still: "" };

let state = { kind: "still" };
let bar;
let pill;
let banner;

/** Put the header into the page, and the streams into it as soon as they are known. */
export function showHeader() {
  const header = document.getElementById("header");
  bar = h("nav", { "aria-label": "Pages" });
  pill = h("span", { class: "link-pill" });
  banner = h("div", { class: "banner", hidden: true });
  header.append(
    h(
      "div",
      { class: "bar" },
      h(
        "a",
        { class: "brand", href: "/" },
        h("img", { src: "/static/penstock.svg", alt: "", width: 24, height: 24 }),
        "Penstock",
      ),
      bar,
      pill,
    ),
    banner,
  );
  showStreams([]);
  getJson("/streams").then(
    ({ streams }) => showStreams(streams.map((stream) => stream.name)),
    () => {},
  );
  setInterval(() => state.kind === "lost" && tell(), 1000);
}

/** Fill the streams into the navigation. */
export function showStreams(names) {
  if (!names.length && bar.childElementCount) return;
  const here = decodeURIComponent(location.pathname);
  const item = (href, text) =>
    h("a", { href, "aria-current": here === decodeURIComponent(href) ? "page" : null }, text);
  render(
    bar,
    item("/", "Overview"),
    h(
      "span",
      { class: "nav-streams" },
      names.map((name) => item(`/live/${encodeURIComponent(name)}`, name)),
    ),
    item("/letters", "Dead letters"),
    item("/docs", "API"),
  );
}

/** Say how fresh the page is; numbers of a page that is not are greyed by the style sheet. */
export function showLink(now) {
  const changed = now.kind !== state.kind;
  state = now;
  document.documentElement.dataset.link = now.kind;
  if (changed || now.kind !== "live") tell();
  pill.title = now.kind === "live" ? `as of ${clock(now.at)}` : "";
}

function tell() {
  render(
    pill,
    h("span", { class: "dot", "aria-hidden": "true" }),
    WORDS[state.kind],
    h("span", { class: "zone" }, "times in UTC"),
  );
  banner.hidden = state.kind !== "lost" && state.kind !== "ended";
  if (state.kind === "ended") render(banner, h("p", { role: "status" }, state.detail));
  if (state.kind === "lost")
    render(
      banner,
      lostWords(),
      tick(),
      h("button", { type: "button", class: "small", onclick: state.retry }, "Try now"),
    );
}

function lostWords() {
  const words = state.never
    ? "No connection to the server yet. Is the api running?"
    : `Connection lost: nothing heard since ${moment(state.since)}. The numbers below are from then.`;
  return h("p", { role: "status" }, words);
}

/** What changes every second is not read out each time. */
function tick() {
  const wait = Math.max(0, Math.ceil((state.retryAt - Date.now()) / 1000));
  const words = `${age((Date.now() - state.since) / 1000)} ago; ${wait ? `trying again in ${wait} s` : "trying again"}`;
  return h("span", { class: "tick", "aria-live": "off" }, words);
}
