"""The core: what a reading, a rule, an alarm and a setpoint is, and how one is decided."""
