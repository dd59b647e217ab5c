"""The graph that is served when there is no langgraph.json."""
