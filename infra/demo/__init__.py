"""`make demo`: the whole pipeline on this machine, with a fault on the way and the proof at the end."""
