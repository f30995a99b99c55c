"""How much of a test set a corpus holds: the paper's Table 6 as a tool."""
