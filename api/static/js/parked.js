/** Which nodes of a drawing are parked: node id → where and why. */
export function parkedNodes(stream) {
  const found = new Map();
  for (const { by, topic, where, reason } of stream.parked) {
    const id = by === "sink" ? `sink/${topic}` : `transform/${by}`;
    const why = `${where}: ${reason}`;
    found.set(id, found.has(id) ? `${found.get(id)}\n${why}` : why);
  }
  return found;
}
