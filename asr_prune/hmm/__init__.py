"""GMM-HMMs and the labels that they give every frame."""
