"""The command `python -m common.topics`."""
