/** Asks the server for JSON, and says what went wrong as it does: RFC 9457 problems. */

/** What the server refused, or that it does not answer (status 0). `errors` name parameters. */
export class Problem extends Error {
  constructor({ status = 0, title = "", detail = "", errors = [] }) {
    super(detail || title || `status ${status}`);
    Object.assign(this, { status, title, detail, errors });
  }
}

/** The JSON at a path of this server. Throws Problem; AbortError when the signal said so. */
export async function getJson(path, signal) {
  let response;
  try {
    response = await fetch(path, { signal, cache: "no-store", headers: { accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({
      title: "The server does not answer",
      detail: "The server does not answer. Is the api running?",
    });
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  throw new Problem({ title: response.statusText, ...body, status: response.status });
}

/** A path with its parameters; those that are null or empty are left out. */
export function withParameters(path, parameters = {}) {
  const given = Object.entries(parameters).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  const query = new URLSearchParams(given).toString();
  return query ? `${path}?${query}` : path;
}
