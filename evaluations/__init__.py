"""Every claim that the README makes, measured: ``python -m evaluations NAME [--json]``."""
