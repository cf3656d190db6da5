"""Reading the user's code: which modules are theirs, what a function refers to, its source."""
