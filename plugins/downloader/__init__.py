"""The engine: brings files home, verified, and says what became of each. Knows nothing of Airflow."""
