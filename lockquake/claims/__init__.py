"""Claims held against measurement: the cells of lock × cluster × fault, trials of each, and what came of it."""
