"""Gates on nodes and layers, priced by what they cost."""
