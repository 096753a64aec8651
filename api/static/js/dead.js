/** How many dead letters there are: a number, or the least there are while the server is still counting. */

import { number, sum } from "./numbers.js";

/** Of several topics: {letters, counting}. */
export const total = (topics) => ({
  letters: sum(topics.map((each) => each.letters)),
  counting: topics.some((each) => each.counting),
});

/** What stands below a number that is not all yet. */
export const COUNTING = "at least; still counting";

/** "7 letters", or "at least 7 letters, still counting". */
export const lettersView = (path, { letters, counting }) => [
  counting ? "at least " : null,
  number(path, letters),
  counting ? " letters, still counting" : " letters",
];

/** What to say where there are no letters. */
export const noneWords = (topics) =>
  total(topics).counting
    ? ["Still counting", "None was found so far."]
    : ["No dead letters", "Every message could be stored."];
