/** Where each part of a stream stands in its drawing: columns in the order of the way, rows without crossings. */

/**
 * A stream as a drawing. Columns are producer (0), topics and transforms in turns, sinks, tables; rows count from 0.
 * Returns {columns, rows, nodes: [{id, kind, name, column, row, span, of}], edges: [{from, to, topic}]}; `of` is what
 * the stream says of the node. `depth`, how many transforms there are in a row, may be larger than needed.
 */
export function layout(stream, depth = depthOf(stream)) {
  const places = new Places(stream, depth);
  let row = 0;
  for (const topic of sources(stream)) row = places.topic(topic, 0, row);
  places.tables();
  const rows = Math.max(1, row);
  places.add("producer", "producer", stream.name, 0, 0, stream, rows);
  for (const topic of sources(stream)) places.edge("producer/producer", `topic/${topic}`, topic);
  return {
    columns: columnsOf(depth),
    rows: Math.max(rows, places.rows),
    nodes: places.nodes,
    edges: places.edges,
  };
}

/** How many transforms an event passes at most. */
export function depthOf(stream) {
  const after = (topic, seen) =>
    Math.max(
      0,
      ...stream.transforms
        .filter((each) => each.source === topic && !seen.includes(each))
        .map((each) => 1 + after(each.target, [...seen, each])),
    );
  return Math.max(0, ...sources(stream).map((topic) => after(topic, [])));
}

/** What stands in each column. */
export function columnsOf(depth) {
  const middle = Array.from({ length: depth }, () => ["transform", "topic"]).flat();
  return ["producer", "topic", ...middle, "sink", "table"];
}

/** The topics that no transform of the stream writes. */
function sources(stream) {
  const made = new Set(stream.transforms.map((each) => each.target));
  return stream.topics.map((each) => each.name).filter((name) => !made.has(name));
}

class Places {
  nodes = [];
  edges = [];
  rows = 0;
  #stream;
  #depth;

  constructor(stream, depth) {
    this.#stream = stream;
    this.#depth = depth;
  }

  add(kind, id, name, column, row, of, span = 1) {
    this.nodes.push({ id: `${kind}/${id}`, kind, name, column, row, span, of });
    this.rows = Math.max(this.rows, row + 1);
  }

  edge(from, to, topic) {
    this.edges.push({ from, to, topic });
  }

  /** Place a topic and all that follows from it, from a row on; returns the next free row. */
  topic(name, depth, row) {
    if (this.nodes.some((node) => node.id === `topic/${name}`)) return row;
    const { transforms, feeds, topics } = this.#stream;
    this.add("topic", name, name, 1 + 2 * depth, row, topics.find((each) => each.name === name) ?? { name });
    let free = row;
    for (const transform of transforms.filter((each) => each.source === name)) {
      this.add("transform", transform.name, transform.name, 2 + 2 * depth, free, transform);
      this.edge(`topic/${name}`, `transform/${transform.name}`, name);
      this.edge(`transform/${transform.name}`, `topic/${transform.target}`, transform.target);
      free = Math.max(free + 1, this.topic(transform.target, depth + 1, free));
    }
    for (const feed of feeds.filter((each) => each.topic === name)) {
      this.add("sink", name, "sink", 2 + 2 * this.#depth, free, feed);
      this.edge(`topic/${name}`, `sink/${name}`, name);
      for (const table of feed.tables) this.edge(`sink/${name}`, `table/${table}`, name);
      free += 1;
    }
    return Math.max(free, row + 1);
  }

  /** Tables stand in the middle of what fills them. */
  tables() {
    const taken = new Set();
    for (const table of this.#stream.tables) {
      const fed = this.nodes
        .filter((node) => node.kind === "sink" && node.of.tables.includes(table.name))
        .map((node) => node.row);
      let row = fed.length ? fed[Math.floor((fed.length - 1) / 2)] : 0;
      while (taken.has(row)) row += 1;
      taken.add(row);
      this.add("table", table.name, table.name, 3 + 2 * this.#depth, row, table);
    }
  }
}
