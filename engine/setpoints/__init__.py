"""From wants to verified setpoints: arbitration, envelope, outbox, dispatch."""
