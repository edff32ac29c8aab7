"""A segment as its audience is to have it: read, prepared, and put into files."""
