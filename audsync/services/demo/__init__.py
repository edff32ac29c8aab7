"""What `demo` shows: the whole story on invented people and simulated platforms."""
