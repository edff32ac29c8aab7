"""Watchfulness: health, metrics, and whom to tell of what."""
