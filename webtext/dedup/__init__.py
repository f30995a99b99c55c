"""Near duplicates: verified, explained, the same for any number of workers, in memory that a shard or a partition bounds.

Read `phases` first: the way of the data. Then `shingles` (what is compared), `minhash` and `bands` (how candidates are found),
`verify` (what makes a candidate a copy), `settle` (who stays), `splits`.
"""
