"""A search for better settings: trials on the validation part, kept, and gone on with."""

from endcap.experiment.tune.search import tune

__all__ = ["tune"]
