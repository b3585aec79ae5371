"""GMM-HMM training: the passes that give every frame its label."""
