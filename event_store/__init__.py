"""Storage: the append-only event log, the catalog of twins, outputs, and the published views. No science, no Ray."""
