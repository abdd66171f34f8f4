"""The local launcher (`make run`): embedded Postgres and Valkey, migrations, the five services, one terminal."""
