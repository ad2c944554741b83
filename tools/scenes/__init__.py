"""Generated pictures with exact depth: the samples, the depth scenes, the training data."""
