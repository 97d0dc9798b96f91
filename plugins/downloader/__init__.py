"""The engine: downloads files, verifies them, and tells what became of each. Knows nothing of Airflow."""
