"""What groups commit: offsets, what their metadata say, and where that leaves each partition."""
