"""Schedule LangGraph graphs over gRPC."""
