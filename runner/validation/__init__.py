"""What is wrong with a workflow, before anything is queued."""
