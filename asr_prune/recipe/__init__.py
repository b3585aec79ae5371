"""Recipes: one typed, validated file each, and what `--set` changes in it."""
