"""A sweep: many runs of one recipe, from methods, sizes, seeds, networks and teachers."""
