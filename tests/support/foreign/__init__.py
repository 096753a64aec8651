"""Topics of other people as stream files, and what comes in them."""
