"""A desk that takes photos one by one, makes what is asked for of each as a batch, and says what became of them."""
