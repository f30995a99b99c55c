"""Near copies: verified, explained, the same for any number of workers, in memory bounded by a shard or a partition.

`phases` is the flow of the data. `survivors` decides which documents are kept (its inner loop is kernels.remove_copies); `verify` decides
what is a near copy; `buckets`, `bands` and `minhash` find the candidates; `shingles` is what is compared; `rank` is the order of
preference.
"""
