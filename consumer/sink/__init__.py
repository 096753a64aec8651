"""The sink's promise: every event of a valid message is in its tables exactly once, whatever dies at whatever line.

For each batch, a range [first, next) of one partition: commit `first` with an intent that names `next`, insert the
rows under a token made of that range, commit `next`. What goes wrong, and why nothing is lost or repeated:

| what goes wrong | what happens |
|---|---|
| a message is bad (JSON, type, range) | it goes whole to the dead-letter topic before the offset passes it |
| a stream's code raises, a column takes no value | that message is bad, its neighbours are stored |
| a message unpacks to too much, or makes too many rows | it is bad; several such together park the feed |
| a flood of bad messages | the feed is parked before the batch is named; the other feeds go on |
| killed before the intent is committed | nothing was sent; the successor reads from `first` and cuts as it likes |
| killed after the intent, before or in the INSERT | the successor rebuilds that same range and recovers it |
| killed after the INSERT, before `next` is committed | the successor finds the range complete, commits `next` |
| the INSERT's acknowledgement is lost | counted by address; the same token makes a second copy harmless |
| an acknowledged INSERT was dropped as known | counted by address; the next attempt's token fills what is missing |
| ClickHouse is killed between token and part | the count finds the hole; the next attempt's token fills it |
| ClickHouse is slow or away | partitions are paused, polling goes on, recovery tries the INSERT again |
| a block is too big for ClickHouse's memory | after five tries the token is used up, the range goes on in more pieces |
| ClickHouse refuses for good | the feed is parked with the reason, and tried again on a schedule |
| a rebalance | buffers are dropped, committed offsets read again; a range that is named is recovered by the new owner |
| a commit is refused | it was not applied: buffers are dropped, the committed offsets are read again |
| the outcome of a commit is unknown | leave the group, join as a new member, read under a higher generation (R1) |
| a member that was frozen wakes up | its commits are refused, its INSERTs are dropped by their token |
| retention cut into what is not stored | the feed is parked: going on would lose rows silently |
| the topic is deleted | the feed is parked by name; made again, it is stored from its first message on |
| offsets set by another tool, lost or set back | the feed is parked, with its ways out; `consumer adopt` is one |
"""
