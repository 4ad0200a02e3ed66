"""How stores of older versions are brought forward, a file a step: `forward(connection)`.

The step's number begins its name. It knows the tables as they were then, so it speaks SQL and
never imports today's.
"""
