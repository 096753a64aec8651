"""The commands, a file each with `add_options` and `run`; and how they print."""
