"""Energy: buildings of the inventory and their contracts, what is foreseen of them, their plan, and its setpoints."""
