"""The command line, the worker and the sweeps."""
