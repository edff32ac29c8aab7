"""What `export` writes: who may be sent, and the tables that files are made of."""
