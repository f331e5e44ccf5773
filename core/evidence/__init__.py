"""The statistics of review: pure functions over arrays and decisions, every estimate with its interval."""
