"""What holds for all tests."""

from hypothesis import settings

# How long an example takes depends on what else the machine does, so it decides nothing.
settings.register_profile("endcap", deadline=None)
settings.load_profile("endcap")
