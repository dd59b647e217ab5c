"""The LangGraph REST API, answered through the stubs: an ASGI application and the server that runs it."""
