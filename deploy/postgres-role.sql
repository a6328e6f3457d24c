-- Runs once, when the container's database is empty: makes the role and the database that Marketeam uses, and takes the
-- superuser's password away, so that nobody logs in as superuser over the network. Inside the container the socket still lets
-- one in: docker compose exec postgres psql -U postgres
\getenv password POSTGRES_PASSWORD
create role marketeam login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password :'password';
create database marketeam owner marketeam;
revoke all on database marketeam from public;
alter role postgres password null;
