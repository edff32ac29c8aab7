"""TikTok's custom audience API as its documentation tells it."""
