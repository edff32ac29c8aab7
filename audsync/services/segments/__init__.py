"""Configured segments as sources to read, and what is said of them before anything is sent."""
