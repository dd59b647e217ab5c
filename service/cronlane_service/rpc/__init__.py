"""The gRPC API: cronlane.v1 in front of the use cases."""
