"""Google's Data Manager API: customer lists of a Google Ads account."""
