"""Kaldi's folders: written from ours, and taken in place of ours."""
