"""What is confirmed against what is wanted: the difference, and the requests it is cut into."""
