"""Finished runs -> one table, two pictures, one page."""
