"""What the measurements share: the program, its peers, the images, the tables."""
