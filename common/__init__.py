"""What the services share. Imports no service."""

VERSION = "0.3.0"
