"""Steps that carry an older decision store to the tables of today, run when a store is opened."""
