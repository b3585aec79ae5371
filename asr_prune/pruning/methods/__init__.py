"""A folder a method: options.py (read without torch), method.py, and its page."""
