"""From anything a shop has to the imported tables: what all of `endcap.sources` builds upon.

    places ──▶ files ──▶ nested, mapping ──▶ conform ──▶ raw
    crawl      encoding  which column        values      kept, once
    database   markup    is which            words

`places` says where a file is, `files` gives its rows as they came, a source says which column is
which, `conform` turns them into rows of a table of ours, and `raw` keeps those. All of it happens
in a `workspace`, a database that vanishes when the import ends. Where no source is sure of a file,
`proposing` writes the mapping that a person may finish.
"""
