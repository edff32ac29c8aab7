"""What reaches the ad platforms: one contract, one HTTP client, one folder a platform."""
