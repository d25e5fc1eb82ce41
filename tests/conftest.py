"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# A property that takes long on a busy machine is not wrong.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
