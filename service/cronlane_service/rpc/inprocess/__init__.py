"""Calls within the process: the methods of the server behind the interface of a channel, with no socket between."""
