"""Everything people have been seen to commit by mistake or malice: a table, one file a family.

A case lays files over the small repository of `case.BASE` and lists every line that gitrel then says, word
for word. `row` names the row of the hardening list that it answers.
"""
