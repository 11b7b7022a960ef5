#!/usr/bin/env bash
# Installs the Debian packages that the tests use: a browser, the services of the production deployment and a voice.
# Calls apt only when something is missing. Without root or password-free sudo it says what is missing; the tests that
# need it are then skipped, or fail when CI=true.
set -euo pipefail

missing=()
need() { # need <package> <command>...: one of the commands must exist
  local package=$1 command
  shift
  for command in "$@"; do
    if command -v "$command" >/dev/null; then return; fi
  done
  missing+=("$package")
}

need chromium chromium chromium-browser google-chrome
need redis-server redis-server
need coturn turnserver
need espeak-ng espeak-ng
need caddy caddy
need sip-tester sipp
need wget wget
if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then missing+=(postgresql); fi
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
  else
    echo "Missing for the full set of tests: ${missing[*]}. Install them with: sudo apt install ${missing[*]}" >&2
    if [ "${CI:-}" = true ]; then exit 1; fi
    exit 0
  fi
fi
if ! command -v apt-get >/dev/null; then
  echo "Missing for the full set of tests: ${missing[*]}. This machine has no apt; install them by its own means." >&2
  if [ "${CI:-}" = true ]; then exit 1; fi
  exit 0
fi

echo "Installing ${missing[*]} ..."
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
