"""Programs that measure audsync against what the machine can do and against its peers."""
