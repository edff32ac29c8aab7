"""Audiences of one segment that are synced at the same time: what is done once for all of them."""
