"""Airflow's side: configuration, connections, and what the tasks of the DAGs do."""
