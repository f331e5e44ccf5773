"""Confident learning, neighbours, duplicates: methods that know nothing of checks, caches or pages."""
