"""Water between sky, plant and soil, after FAO Irrigation and Drainage Paper 56 (Allen et al. 1998), "FAO-56"."""
