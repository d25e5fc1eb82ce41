"""The nouns every room shares: records, article store, library layout, settings, errors.

Importing this package, or any module in it, loads nothing heavy and reads nothing from the environment.
"""
