"""One audience brought in step: plan, lease, sync, receipt, and what is done when that fails."""
