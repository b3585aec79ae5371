"""asr_prune: makes speech-recognition acoustic models small without losing words."""

__version__ = "0.1.0"
