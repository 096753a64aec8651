"""Being a member of a consumer group, whatever the role: the loop, and feeds that stand still."""
