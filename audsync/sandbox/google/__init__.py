"""Google's Data Manager API and its token endpoint in memory: lists, members, slow requests."""
