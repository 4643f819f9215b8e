"""What help an enterprise may have on a day: every instrument of the draft measures as a pure rule over facts.

Nothing here reads a file of the home, a table or the clock. A rule that finds no number says so; none is made up.
"""
