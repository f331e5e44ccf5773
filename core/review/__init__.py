"""What annotators decide: the decisions, their store, and the queue they are made in."""
