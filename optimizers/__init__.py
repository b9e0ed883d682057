"""Pure optimisation models: a problem goes in, a plan comes out; no clock, no input or output."""
