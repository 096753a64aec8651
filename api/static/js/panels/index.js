/** Which stream has a panel of its own: a name and a module, here and nowhere else. */

import { collatz } from "./collatz.js";
import { generic } from "./generic.js";
import { quotes } from "./quotes.js";
import { ratings } from "./ratings.js";
import { sensors } from "./sensors.js";
import { visits } from "./visits.js";

const PANELS = { collatz, quotes, ratings, sensors, visits };

/**
 * What makes the panel of a stream. It is called with (stream, ask) and returns {element, show(live)}: `stream` states
 * its questions, ask(question, parameters, signal) answers one, `live` answers the live question and is never null.
 */
export const panelOf = (name) => (Object.hasOwn(PANELS, name) ? PANELS[name] : generic);
