"""What continuous integration decides and says, and the workflows themselves."""
