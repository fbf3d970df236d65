"""From records to tidy frames, for tables, figures and text; no torch."""
