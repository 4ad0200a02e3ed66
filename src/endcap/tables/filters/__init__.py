"""The filter language: which items a list may hold, in one line.

    price < 20 and brand in ("Acme", "华为") and not category under "Toys > Dolls" and available

`syntax` reads the text, `columns` knows what may stand in it, and `masks` answers for all items
at once. Nothing of a text is ever run as code.
"""

from endcap.tables.filters.columns import Columns
from endcap.tables.filters.masks import check, mask

__all__ = ["Columns", "check", "mask"]
