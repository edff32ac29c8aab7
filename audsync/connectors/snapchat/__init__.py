"""Snapchat's Customer Lists over the Marketing API."""
