"""Meta custom audiences over the Graph API."""
