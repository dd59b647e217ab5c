"""What callers and background parts can ask of the service: one class a resource, one transaction a method."""
