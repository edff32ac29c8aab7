"""Connections: connecting, listing, testing, removing; how each of them is found."""
