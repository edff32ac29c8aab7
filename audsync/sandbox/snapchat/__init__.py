"""Snapchat's Marketing API for customer-list segments, as its documentation tells it."""
