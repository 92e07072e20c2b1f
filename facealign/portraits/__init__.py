"""Photo in, portrait out."""
