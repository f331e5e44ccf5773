"""Built-in models for data sets that come without predictions: one embedder a file. Nothing is downloaded."""
