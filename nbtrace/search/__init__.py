"""Search: the filter language, its SQL, pages of traces and DataFrames."""
