"""The territory in software: physics, simulated equipment with faults, and the territories themselves."""
