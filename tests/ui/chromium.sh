#!/usr/bin/env bash
# See that there is a chromium for the browser tests: install Debian's when we may, else say how to get one.
set -euo pipefail
if [ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
  exit 0
fi
echo "No chromium found. Install one (Debian, Ubuntu: sudo apt-get install chromium) or name one: CHROMIUM=/path/to/chrome make test"
exit 1
