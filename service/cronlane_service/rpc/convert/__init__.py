"""Messages of cronlane.v1 to values of the domain and back. No I/O, no decisions."""
