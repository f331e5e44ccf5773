"""The checks of an audit, one a file; each exports one core.issues.Check."""
