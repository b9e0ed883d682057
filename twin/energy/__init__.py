"""Buildings in software: walls, air and sun, heat and its producers, hot water, batteries, vehicles and meters."""
