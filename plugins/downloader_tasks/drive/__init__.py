"""What the tasks of `drive_datasets` do: public data sets of Google Drive, by a manifest."""
