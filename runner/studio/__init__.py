"""One local page in front of the desk: photos dropped, results watched, refused ones mended, all of it fetched."""
