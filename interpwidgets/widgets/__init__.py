"""One thin class per widget: a record goes out as traits, a request comes back as an analysis."""
