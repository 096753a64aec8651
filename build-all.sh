#!/usr/bin/env bash
# build-all.sh: builds the images of the services, and writes what Compose needs and git does not hold.
#
#   ./build-all.sh                          producer:latest, consumer:latest, api:latest
#   ./build-all.sh 1.2.0                    the same under another tag (also --tag 1.2.0, or TAG=1.2.0)
#   ./build-all.sh --no-cache --pull        whatever else is given goes to `docker build`
#   ./build-all.sh --passwords              builds nothing: passwords into infra/secrets/, and infra/.env
#
# From the environment: PIP_INDEX_URL (a package index); from there or from infra/.env: BASE_IMAGE (a Python image).
# Can be run from anywhere, and again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

tag=${TAG:-latest}
options=()
only_passwords=""
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --passwords) only_passwords=yes ;;
    -t | --tag) tag=${2:?--tag needs a tag}; shift ;;
    --tag=*) tag=${1#*=} ;;
    --build-arg | --network | --platform | --label | --add-host | --progress)
      options+=("$1" "${2:?$1 needs a value}"); shift ;;
    -*) options+=("$1") ;;
    *) tag=$1 ;;
  esac
  shift
done

setting() { # name default: what Compose would take, from the environment, else from infra/.env
  local here=${!1:-}
  [ -n "$here" ] || here=$(sed -n "s/^$1=//p" infra/.env | tail -1 | tr -d '\r')
  echo "${here:-$2}"
}

secret() { # name: a random password in a file of its own, unless there is one
  local file=infra/secrets/$1
  [ -s "$file" ] && return
  LC_ALL=C od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$file"
  echo "wrote $file (a random password)"
}

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d' ' -f1
}

# The folder is closed to others; its files are open, since a container reads them under a number of its own.
umask 022
mkdir -p infra/secrets
chmod 700 infra/secrets
users="migrate ingest reader grafana"
hashes=""
for user in $users; do
  secret "clickhouse_${user}_password"
  hash=$(tr -d '\r\n' <"infra/secrets/clickhouse_${user}_password" | sha256)
  hashes="$hashes  <password_of_$user>$hash</password_of_$user>
"
done
secret grafana_admin_password
secret metabase_db_password
secret metabase_admin_password
# What ClickHouse is told: hashes alone. Written each time, so that a changed password takes effect.
printf '<clickhouse>\n%s</clickhouse>\n' "$hashes" >infra/secrets/clickhouse_passwords
[ -e infra/.env ] || { cp infra/.env.example infra/.env; echo "wrote infra/.env (ports, images, project name)"; }
if [ -n "$only_passwords" ]; then
  echo "infra/secrets/ and infra/.env have all that Compose needs"
  exit 0
fi

base_image=$(setting BASE_IMAGE "")
[ -z "$base_image" ] || options+=(--build-arg "BASE_IMAGE=$base_image")
[ -z "${PIP_INDEX_URL:-}" ] || options+=(--build-arg "PIP_INDEX_URL=$PIP_INDEX_URL")
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
built=()
named=""
for dockerfile in */Dockerfile; do
  name=$(dirname "$dockerfile")
  started=$SECONDS
  echo "building $name:$tag"
  docker build --build-arg "VERSION=$version" ${options[@]+"${options[@]}"} -t "$name:$tag" -f "$dockerfile" .
  bytes=$(docker image inspect --format '{{.Size}}' "$name:$tag")
  built+=("$(printf '%-24s %5d MB  %4d s' "$name:$tag" $((bytes / 1000000)) $((SECONDS - started)))")
  variable=$(tr '[:lower:]' '[:upper:]' <<<"$name")_IMAGE
  [ "$(setting "$variable" "$name:latest")" = "$name:$tag" ] || named="$named  $variable=$name:$tag
"
done
echo
printf '%s\n' "${built[@]}"
echo
if [ -n "$named" ]; then
  printf 'Compose would run other images. To have these, in infra/.env:\n%s' "$named"
fi
echo "next: cd infra && docker-compose up -d; then"
printf '  %-34s %s\n' \
  "http://localhost:$(setting API_PORT 8000)/" "the pipeline, live" \
  "http://localhost:$(setting API_PORT 8000)/docs" "REST" \
  "http://localhost:$(setting KAFKA_UI_PORT 8080)/" "kafka-ui: topics, messages, consumer groups" \
  "http://localhost:$(setting GRAFANA_PORT 3000)/" "Grafana: dashboards and an alert (this machine alone)" \
  "http://localhost:$(setting METABASE_PORT 3001)/" "Metabase, with docker-compose --profile metabase up -d" \
  "localhost:$(setting KAFKA_1_PORT 29092), :$(setting KAFKA_2_PORT 29093), :$(setting KAFKA_3_PORT 29094)" "brokers" \
  "localhost:$(setting CLICKHOUSE_NATIVE_PORT 19000)" "ClickHouse's native protocol (HTTP: $(setting CLICKHOUSE_HTTP_PORT 18123))"
