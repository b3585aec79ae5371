"""How work is shared out: over processes of this machine, or over other machines.

There are two ways. Audio, features, the passes of the GMM-HMM and the weighting of kept lattices
are cut into tasks (`task`), each of which writes a file, wherever they are done: the executor of
the command (`executor`) gives them to processes of this machine or to the workers of a Dask
scheduler (`dask_executor`). `pieces` is for sums: it makes tasks of pieces and joins their results
in order.

Searches in a graph (decoding, adaptation, verification, transcription) take the other way on this
machine: `processes.each` calls a function for each utterance, so that processes share the graph in
memory, and one network, perhaps on a GPU, scores for all. They ask `executor.elsewhere()`, and only
for other machines make tasks of portions. So do sweeps, whose runs are processes of their own here,
and tasks elsewhere.
"""
