"""From prepared tables to a release that has been measured: fit, judge, compare, promote.

fit        `work` has its stages; `behaviour`, `weights` what is learned beside them; `origin`
           what it goes on from; `needs` and `shortage` what it takes
evaluate   `judge` asks, `intervals` and `reliability` say how sure the figures are
gate       what goes live, beside its `rival`; `schedule` does all of it again and again
tune       better settings
batch      what is asked of a shop without a server, like `why`, `new_items` and `forget`
"""
