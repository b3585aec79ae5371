"""Local scripts: each prepares one corpus as Kaldi data directories; `asr_prune.local` when installed."""
