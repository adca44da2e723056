"""Battery science, one folder per model; discovered, never imported by name."""
