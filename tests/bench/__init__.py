"""What Penstock reaches on this machine, beside a hand-written loop: `make bench`."""
