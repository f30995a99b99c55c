"""What a build will take, before it runs: processor time, clock time, memory, disk, network and money.

Read `lines` first (how measured tasks become rates), then `model` (rates and volumes become an estimate), `memory`, `prices`.
"""
