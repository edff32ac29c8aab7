"""When something is due, when it is tried again, and what makes a scheduler call `run-due`."""
