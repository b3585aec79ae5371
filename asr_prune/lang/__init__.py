"""Words to phones to FSTs: lexicon, phone and word tables, HMM topology, L and G."""
