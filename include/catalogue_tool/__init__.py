"""What include/catalogue.py does: finds files in a bucket or a folder, writes their records, and checks records."""
