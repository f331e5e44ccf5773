"""One script a screen: read the session, call core, render."""
