"""Cleaning of any text: rules of published corpora by name, rules of one's own, and the language."""
