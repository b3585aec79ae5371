"""The one way in which stages spread their work: over processes here, or over other machines."""
