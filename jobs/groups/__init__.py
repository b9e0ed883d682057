"""Rule cycles of groups of zones, as tasks on an engine for heavy work."""
