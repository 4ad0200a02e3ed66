"""What has to be there before anything works: a file is a check."""
