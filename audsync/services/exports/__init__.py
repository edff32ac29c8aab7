"""What `export` does: a segment as files for an upload page, here or in an object store."""
