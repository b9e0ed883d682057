"""Irrigation: hydrozones of the inventory, what is known of their soil, the plan of a night, and its setpoints."""
