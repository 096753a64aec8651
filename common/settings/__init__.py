"""Every setting there is: read from the environment and `.env`, checked, documented."""
