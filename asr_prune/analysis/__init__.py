"""Beyond the stages: the ladder of GMM-HMM passes, nested widths, timings, and estimates for `plan`."""
