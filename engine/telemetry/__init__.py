"""IN: telemetry of every kind → one normalised columnar batch; what is refused keeps its reason."""
