"""What a recipe will do, and what it will take, before anything runs."""
