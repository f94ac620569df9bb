"""What a folder of cut-outs has beside them: a table, COCO's annotations, contact sheets."""
