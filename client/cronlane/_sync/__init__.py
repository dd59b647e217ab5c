# Written by client/generate_sync.py from cronlane/_async; not to be edited.
"""The client."""
