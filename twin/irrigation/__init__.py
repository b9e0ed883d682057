"""Watered ground, its weather, valves and old timers in software."""
