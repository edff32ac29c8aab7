"""Keeps ad-platform audiences exactly equal to customer segments."""

__version__ = "0.1.0"
