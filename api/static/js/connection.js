/**
 * What keeps a page fresh, and says when it is not. Both ways, a WebSocket and asking again and again, report the same
 * states: {kind: "connecting"}, {kind: "live", at}, {kind: "lost", since, retryAt, retry}, {kind: "ended", detail}.
 * Times are milliseconds since 1970; retry() tries at once.
 */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const SILENCE_MS = 15_000;
const NO_SUCH_STREAM = 4404;

/** How long to wait after so many failures in a row: doubling, bounded, and never all clients at once. */
export const waitAfter = (failures, random = Math.random) =>
  Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, failures - 1)) * (0.8 + 0.4 * random());

/** Follow a WebSocket of this server: each message, parsed, to onMessage. Reconnects by itself. */
export function follow(path, onMessage, onState) {
  const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
  const link = new Link(onState);
  const open = () => {
    const socket = new WebSocket(url);
    let silence = setTimeout(() => socket.close(), SILENCE_MS);
    socket.onmessage = (event) => {
      clearTimeout(silence);
      silence = setTimeout(() => lose(), SILENCE_MS);
      link.heard();
      onMessage(JSON.parse(event.data));
    };
    socket.onclose = (event) => (event.code === NO_SUCH_STREAM ? end(event.reason) : lose());
    const drop = () => {
      clearTimeout(silence);
      socket.onmessage = socket.onclose = null;
      socket.close();
    };
    const lose = () => {
      drop();
      link.lost(open);
    };
    const end = (reason) => {
      drop();
      link.ended(reason || "there is no such stream");
    };
  };
  link.start(open);
}

/**
 * Call an async function now and every so many milliseconds. Only a server that does not answer (a Problem of status 0)
 * is a lost connection; whatever else is thrown goes to onProblem, and the next call comes at its time.
 */
export function repeat(ask, everyMs, onState, onProblem) {
  const link = new Link(onState);
  const once = async () => {
    try {
      await ask();
    } catch (error) {
      if (error.status === 0) return link.lost(once);
      onProblem(error);
    }
    link.heard();
    link.later(once, everyMs);
  };
  link.start(once);
}

/** Counts failures, waits, and reports. */
class Link {
  #failures = 0;
  #heardAt = null;
  #lostAt = null;
  #timer = null;
  #onState;

  constructor(onState) {
    this.#onState = onState;
  }

  start(open) {
    this.#onState({ kind: "connecting" });
    open();
  }

  heard() {
    this.#failures = 0;
    this.#lostAt = null;
    this.#heardAt = Date.now();
    this.#onState({ kind: "live", at: this.#heardAt });
  }

  /** Wait, longer each time, then open again; or at once when the reader or the network says so. */
  lost(open) {
    this.#failures += 1;
    this.#lostAt ??= this.#heardAt ?? Date.now();
    const waitMs = waitAfter(this.#failures);
    const retry = () => {
      clearTimeout(this.#timer);
      removeEventListener("online", retry);
      open();
    };
    addEventListener("online", retry, { once: true });
    this.later(retry, waitMs);
    const never = this.#heardAt === null;
    this.#onState({ kind: "lost", since: this.#lostAt, never, retryAt: Date.now() + waitMs, retry });
  }

  ended(detail) {
    this.#onState({ kind: "ended", detail });
  }

  later(call, waitMs) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(call, waitMs);
  }
}
