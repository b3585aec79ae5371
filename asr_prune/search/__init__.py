"""The smallest network within a loss."""
