"""What a build will take, before it runs: processor time, clock time, memory, disk, network and money.

`plan` builds samples (`sample`, `measure`) and gathers rates and volumes; `extrapolate`, `memory` and `prices` make the estimate of them.
"""
