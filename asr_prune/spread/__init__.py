"""The one way in which stages spread their work: over processes here, or over other machines.

A stage cuts its work into tasks (`task`), each of which writes a file, and gives them to the
executor of the command (`executor`): processes of this machine, or workers of a Dask scheduler
(`dask_executor`). `pieces` is for sums: it makes tasks of pieces and joins their results in order.
"""
