#!/usr/bin/env bash
# build-all.sh: builds the images of the services, and writes what Compose needs and git does not hold.
#
#   ./build-all.sh                          producer:latest, consumer:latest
#   ./build-all.sh 1.2.0                    the same under another tag (also --tag 1.2.0, or TAG=1.2.0)
#   ./build-all.sh --no-cache --pull        whatever else is given goes to `docker build`
#
# From the environment: BASE_IMAGE (a Python image), PIP_INDEX_URL (a package index). Can be run from anywhere, and again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

tag=${TAG:-latest}
options=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -t | --tag) tag=${2:?--tag needs a tag}; shift ;;
    --tag=*) tag=${1#*=} ;;
    --build-arg | --network | --platform | --label | --add-host | --progress)
      options+=("$1" "${2:?$1 needs a value}"); shift ;;
    -*) options+=("$1") ;;
    *) tag=$1 ;;
  esac
  shift
done
[ -z "${BASE_IMAGE:-}" ] || options+=(--build-arg "BASE_IMAGE=$BASE_IMAGE")
[ -z "${PIP_INDEX_URL:-}" ] || options+=(--build-arg "PIP_INDEX_URL=$PIP_INDEX_URL")

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
# What ClickHouse is told: hashes alone. Written each time, so that a changed password takes effect.
printf '<clickhouse>\n%s</clickhouse>\n' "$hashes" >infra/secrets/clickhouse_passwords
[ -e infra/.env ] || { cp infra/.env.example infra/.env; echo "wrote infra/.env (ports, images, project name)"; }

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
built=()
for dockerfile in */Dockerfile; do
  name=$(dirname "$dockerfile")
  started=$SECONDS
  echo "building $name:$tag"
  docker build --build-arg "VERSION=$version" ${options[@]+"${options[@]}"} -t "$name:$tag" -f "$dockerfile" .
  bytes=$(docker image inspect --format '{{.Size}}' "$name:$tag")
  built+=("$(printf '%-24s %5d MB  %4d s' "$name:$tag" $((bytes / 1000000)) $((SECONDS - started)))")
done
echo
printf '%s\n' "${built[@]}"
echo
echo "next: cd infra && docker-compose up -d"
