"""Secrets at rest: keys, where they are kept, and how credentials are sealed with them."""
