"""What a segment is like, for whoever looks before anything is sent."""
