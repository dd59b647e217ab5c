"""The rules of threads, crons, ticks and runs, as pure functions and frozen values."""
