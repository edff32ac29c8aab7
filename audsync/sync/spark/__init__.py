"""Preparing a segment on a Spark cluster, through Spark Connect."""
