"""The demo: Airflow, a source to download from, and runs to look at, all on this machine and below one folder."""
