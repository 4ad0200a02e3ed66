"""What was taken before."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from endcap.retrievers.repeat import Settings


def test_what_counts_as_taking_is_an_event_type() -> None:
    """As with the rule that leaves it out of other lists, and before anyone asks."""
    assert Settings(kinds=("purchase", "view")).kinds == ("purchase", "view")
    with pytest.raises(ValidationError, match="bought"):
        Settings(kinds=("bought",))
