-- What the database server of docker-compose.yaml runs once, on its empty disk, as its superuser: Airflow's own database,
-- and the catalogue of raw files, which the downloader may only read. The passwords come from the environment.

\getenv airflow_password AIRFLOW_DATABASE_PASSWORD
\getenv catalogue_password CATALOGUE_PASSWORD

CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE DATABASE airflow OWNER airflow;
REVOKE CONNECT ON DATABASE airflow FROM PUBLIC;

CREATE ROLE downloader LOGIN PASSWORD :'catalogue_password';
CREATE DATABASE catalogue;
REVOKE CONNECT ON DATABASE catalogue FROM PUBLIC;
GRANT CONNECT ON DATABASE catalogue TO downloader;

\connect catalogue
\ir ../catalogue.sql
GRANT SELECT ON raw_file TO downloader;
