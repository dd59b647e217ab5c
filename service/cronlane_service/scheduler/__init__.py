"""The thread that fires ticks."""
