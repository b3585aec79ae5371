"""Beyond the stages: the ladder of GMM-HMM passes, nested widths, timings, `plan`'s estimates,
`doctor`.
"""
