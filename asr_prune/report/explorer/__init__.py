"""The part of the report's page that can be explored: its data, its charts and what moves them."""
