"""The statistics of review: pure functions over arrays and the decision log, every estimate with its interval."""
