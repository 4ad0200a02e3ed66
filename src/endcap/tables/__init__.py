"""What everything else meets at: tables of events, items and users, and questions to them.

`schema` says which columns there are, `imported` reads what `endcap.importing` kept, `prepare`
makes of it what models learn from. Those see a `catalogue` of items and a `dataset` of events; what
features may look at is a `scene`.
"""
