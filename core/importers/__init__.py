"""Import formats, one a file; each exports one core.importers._base.ImportFormat."""
