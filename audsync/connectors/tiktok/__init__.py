"""TikTok custom audiences, filled through the streaming calls of the Business API v1.3."""
