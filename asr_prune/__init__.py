"""Makes acoustic models of speech recognisers small without losing words."""

__version__ = "0.1.0"
