"""What `doctor` looks at: everything a sync needs, without changing any of it."""
