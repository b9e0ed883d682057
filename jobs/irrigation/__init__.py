"""Irrigation: hydrozones read from the inventory, what is known of their soil, the plan of a night, its setpoints."""
