"""Export formats, one a file; each exports one core.exporters._base.ExportFormat."""
