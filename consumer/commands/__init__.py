"""One command a file: `add_options` and `run`."""
