"""What the tasks of `slooh_images` do: an astronomer's pictures from Slooh."""
