"""Claims runs and executes them with LangGraph."""
