"""Work that outgrows one machine: steps that map over shards and merge, wherever they run."""
