"""From what clients write to the house's own words. Pure: the protocols stand on it."""
