"""OUT: the ways to equipment, each an `engine.ports.Link`."""
