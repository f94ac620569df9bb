"""Captions of training photos: kept, checked, put beside their photos, looked over on a page and applied."""
