"""A random cut, the control of all rankings."""
