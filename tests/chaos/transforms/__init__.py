"""The half of `make chaos` for transforms: all streams at once, requests of transactions hurt one by one."""
