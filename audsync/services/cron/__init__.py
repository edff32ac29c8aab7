"""What `run-due` does: whatever is due, and what platforms work off between syncs."""
