"""The promise of transforms: each message of a source counts once in the target, whatever dies at whatever line.

Each transaction holds outputs and dead letters, then the offsets with what is remembered of each partition, then its
end. Readers of committed data see all of it or nothing. What goes wrong, and why nothing is lost or repeated:

| what goes wrong | what happens |
|---|---|
| a message is bad (JSON, type, range, output too large) | it goes whole to the dead-letter topic, in the transaction |
| a stream's code raises for a message | that message is bad; where it makes a count, the source is parked |
| a flood of bad messages | the source is parked before the transaction; the other sources go on |
| killed before the end of a transaction | the successor fences it: aborted; the same messages are done again |
| killed after its end | the successor reads what is committed, and goes on from there |
| a request of the transaction gets no answer | it is sent once: new producer, then what is committed is read (T8) |
| an acknowledgement is missing, a batch expired | nothing is committed: new producer, smaller transactions (X2, X3) |
| a rebalance | what is in memory is void: read again from what is committed (W6) |
| a worker that was frozen wakes up | it is fenced: its outputs and its offsets are refused (X4) |
| a broker is lost | the transaction is lost or goes on; the client finds the new coordinator |
| a topic does not take an output | its source is parked; a dead letter is tried again without its message |
| the target or the dead-letter topic is gone | the source is parked by name |
| offsets lost or set by another tool, another group | the source is parked: the target holds outputs of it (R7) |
| topics with other partitions than before | parked where keys, windows or counts belong to a number |
| retention cut into what is needed | the source is parked: going on would lose events silently |
| a restart with open windows | their events are read again, in silence, from the oldest one (W2 to W4) |
"""
