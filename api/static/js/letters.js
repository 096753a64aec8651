/** The page `/letters`: messages that no row could be made of. The address says which topic and letter is shown. */

import { repeat } from "./connection.js";
import { COUNTING, lettersView, noneWords, total } from "./dead.js";
import { h, render } from "./dom.js";
import { ageNotice } from "./freshness.js";
import { showHeader, showLink } from "./header.js";
import { getJson, withParameters } from "./http.js";
import { letterHead, letterView } from "./letter.js";
import { letterList } from "./letter-list.js";
import { number } from "./numbers.js";

const EVERY_MS = 5000;
const ROWS = 50;

const all = h("p", { class: "lane-facts" });
const looked = h("div", {});
const topics = h("ul", { class: "topics" });
const without = h("p", { class: "quiet" });
const list = h(
  "section",
  { class: "card", "aria-label": "Letters" },
  h("p", { class: "quiet" }, "Waiting for the server …"),
);
const letter = h("section", { class: "card letter", "aria-labelledby": "letter-title", hidden: true });
let pages = { topic: null, letters: [], next: null };
let known = [];

showHeader();
document
  .getElementById("main")
  .append(
    h(
      "div",
      { class: "page-head" },
      h(
        "div",
        {},
        h("h1", {}, "Dead letters"),
        h(
          "p",
          { class: "quiet" },
          "Messages that could not be stored, with their original bytes, and why. A topic that a sink and a transform " +
            "read has a letter from each of them: “by” says whose.",
        ),
      ),
      all,
    ),
    looked,
    h("section", { class: "stack", "aria-label": "Topics" }, topics, without),
    h("div", { class: "letters" }, list, letter),
  );
repeat(refresh, EVERY_MS, showLink, fail);
addEventListener("popstate", () => show().catch(fail));
document.addEventListener("click", follow);
document.addEventListener("keydown", (event) => event.key === "Escape" && close());

/** Counts, and what is new of the topic that is shown. */
async function refresh() {
  const { topics: found, age_s } = await getJson("/letters");
  render(looked, ageNotice({ age_s }));
  known = [...found.filter((each) => each.letters), ...found.filter((each) => !each.letters)];
  await show();
}

/** Draw what the address says. */
async function show() {
  const { topic } = place();
  showTopics(topic);
  await loadNewest(topic);
  const now = place(); // the reader may have gone on meanwhile
  if (now.topic !== topic) return;
  showList(topic, now.offset);
  await showLetter(topic, now.offset);
}

/** {topic, offset}: null where the address names none; without a topic, the first that has letters. */
function place() {
  const asked = new URLSearchParams(location.search);
  const topic = asked.get("topic") ?? known.find((each) => each.letters)?.dead_topic ?? null;
  return { topic, offset: asked.has("offset") ? Number(asked.get("offset")) : null };
}

const addressOf = (topic, offset = null) => withParameters("/letters", { topic, offset });

/** Links within the page change the address without a reload. */
function follow(event) {
  const link = event.target.closest?.("a[href^='/letters?']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const opens = link.dataset.offset !== undefined;
  const left = link.dataset.close === undefined ? null : place().offset;
  history.pushState(null, "", link.href);
  show().then(() => (opens ? document.getElementById("letter-title") : linkOf(left))?.focus(), fail);
}

const linkOf = (offset) => list.querySelector(`a[data-offset="${offset}"]`);

/** As the link in the letter does. */
function close() {
  if (!letter.hidden) letter.querySelector("[data-close]")?.click();
}

function showTopics(chosen) {
  render(all, h("span", {}, lettersView("letters.total", total(known))));
  const isShown = (each) => each.letters || each.counting || each.dead_topic === chosen;
  render(
    topics,
    known.filter(isShown).map((each) => topicCard(each, each.dead_topic === chosen)),
  );
  const rest = known.filter((each) => !isShown(each));
  render(
    without,
    rest.length ? "No letters: " : "",
    rest.map((each, at) => [at ? ", " : "", h("a", { href: addressOf(each.dead_topic) }, each.topic)]),
  );
}

function topicCard({ topic, dead_topic, letters, counting, reasons }, chosen) {
  return h(
    "li",
    {
      class: chosen ? "topic-card chosen" : letters ? "topic-card" : "topic-card none",
      "data-key": dead_topic,
    },
    h("a", { href: addressOf(dead_topic), "aria-current": chosen ? "true" : null }, topic),
    number(`letters.${topic}`, letters),
    counting ? h("p", { class: "reasons" }, COUNTING) : null,
    h(
      "ul",
      { class: "reasons" },
      reasons.map((each) =>
        h("li", {}, h("span", {}, each.reason), number(`letters.${topic}.${each.reason}`, each.letters)),
      ),
    ),
  );
}

/** The newest page; older pages that the reader has opened stay below it. */
async function loadNewest(topic) {
  if (topic === null) return;
  const page = await getJson(withParameters(`/letters/${encodeURIComponent(topic)}`, { rows: ROWS }));
  if (pages.topic !== topic) pages = { topic, letters: [], next: null };
  const oldest = page.letters.at(-1)?.offset ?? Infinity;
  const older = pages.letters.filter((each) => each.offset < oldest);
  const meets = older.length < pages.letters.length; // else more came than a page holds, and a gap would show
  pages =
    older.length && meets
      ? { ...pages, letters: [...page.letters, ...older] }
      : { topic, letters: page.letters, next: page.next };
}

async function loadOlder() {
  const page = await getJson(
    withParameters(`/letters/${encodeURIComponent(pages.topic)}`, { ...pages.next, rows: ROWS }),
  );
  pages = { ...pages, letters: [...pages.letters, ...page.letters], next: page.next };
  showList(pages.topic, place().offset);
}

function showList(topic, offset) {
  if (topic === null) {
    const [title, words] = noneWords(known);
    render(list, h("h2", {}, title), h("p", { class: "quiet" }, words));
    return;
  }
  render(
    list,
    h("h2", {}, topic),
    letterList(topic, pages.letters, { chosen: offset, hrefOf: (each) => addressOf(topic, each.offset) }),
    pages.next
      ? h("button", { type: "button", onclick: () => loadOlder().catch(fail) }, "Older letters")
      : null,
  );
}

async function showLetter(topic, offset) {
  letter.hidden = topic === null || offset === null;
  letter.parentElement.classList.toggle("with-letter", !letter.hidden);
  if (letter.hidden) return;
  const hrefs = neighbours(topic, offset);
  try {
    const found = await getJson(`/letters/${encodeURIComponent(topic)}/${offset}`);
    if (place().offset !== offset) return;
    render(letter, h("div", { class: "stack", "data-key": `${topic}/${offset}` }, letterView(topic, found, hrefs)));
  } catch (problem) {
    if (problem.status === 0) throw problem;
    render(
      letter,
      letterHead(hrefs, "This letter cannot be shown"),
      h("p", { class: "notice bad" }, problem.message),
    );
  }
}

/** The addresses of the letters beside one in the list, and of the page without it. */
function neighbours(topic, offset) {
  const at = pages.letters.findIndex((each) => each.offset === offset);
  const hrefOf = (each) => (each ? addressOf(topic, each.offset) : null);
  const [newer, older] = at < 0 ? [] : [pages.letters[at - 1], pages.letters[at + 1]];
  return { newer: hrefOf(newer), older: hrefOf(older), close: addressOf(topic) };
}

/** What the server answered instead; one that does not answer is the header's to tell. */
function fail(problem) {
  if (problem.status === 0) return;
  const { topic } = place();
  const words =
    problem.status === 404 ? `There is no topic ${topic} of dead letters. Choose one above.` : problem.message;
  letter.hidden = true;
  letter.parentElement.classList.remove("with-letter");
  render(list, h("p", { class: "notice bad", role: "alert" }, words));
}
