"""`make chaos`: faults drawn from a seed, on the real servers, under load; at the end every row is accounted for."""
