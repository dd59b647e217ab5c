"""The cronlane server."""
