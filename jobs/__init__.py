"""The wiring: the only package that sees everything."""
