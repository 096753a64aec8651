"""What is missing, repeated or adoptable: tables compared with the log and the commits. Knows no sink."""
