"""Pages: from the network, politely and safely, or from archives that others made."""
