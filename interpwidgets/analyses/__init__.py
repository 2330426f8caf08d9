"""Functions from a model (and a dictionary) and an input to a record. All work on the GPU lives here."""
