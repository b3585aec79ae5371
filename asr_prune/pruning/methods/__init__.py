"""One file per pruning method; the file's name is the method's name in a recipe."""
