"""Tables whose rows have no single given label: several annotators' columns, a row an answer, soft labels."""
