#!/bin/sh
# Run once by the postgres image on a new data folder: every service's database and roles.
set -eu
export PGPASSWORD="${PGPASSWORD:-$POSTGRES_PASSWORD}"
for service in catalog cartdb idp payments controller; do
  upper=$(echo "$service" | tr '[:lower:]' '[:upper:]')
  SERVICE=$service \
  OWNER_PASSWORD=$(printenv "${upper}_OWNER_PASSWORD") \
  APP_PASSWORD=$(printenv "${upper}_APP_PASSWORD") \
    psql --no-psqlrc --username "$POSTGRES_USER" --dbname postgres --file /database.psql
done
