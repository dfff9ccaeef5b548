#!/bin/bash
# A real registry of images and artifacts, distribution 3.1.2, for the stories that publish and pull.
#
#   registry.sh fetch                        the program, built once through Go modules; prints its path
#   registry.sh serve DIR ADDRESS            run it in the foreground on ADDRESS, such as 127.0.0.1:5000, its data under DIR
#   registry.sh serve DIR ADDRESS USER WORD  the same, and nobody else may pull or push (basic authentication)
#
# It ends with SIGTERM. It listens on loopback alone, without TLS, and fetches nothing. Needs Go 1.26 or newer for `fetch`, only
# the first time.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

VERSION=v3.1.2 MODULE=github.com/distribution/distribution/v3
PROGRAM=$CACHE/registry/$VERSION/registry

build() {
  local work
  command -v go >/dev/null || die "the registry is built with Go 1.26 or newer, and there is no go on PATH"
  work=$(mktemp -d); trap "rm -rf '$work'" EXIT; cd "$work"
  printf 'module quarterdeck.test/registry\ngo 1.26\nrequire %s %s\n' "$MODULE" "$VERSION" >go.mod
  say "registry $VERSION: building"
  mkdir -p "$(dirname "$PROGRAM")"
  CGO_ENABLED=0 GOFLAGS=-mod=mod $NICE go build -p "$JOBS" -trimpath -ldflags '-s -w' -o registry "$MODULE/cmd/registry" 2>log || die "go build failed: $(tail -n 5 log)"
  cp registry "$PROGRAM.new"; mv "$PROGRAM.new" "$PROGRAM"
  cd /
}

fetch() { once "$PROGRAM" build; echo "$PROGRAM"; }

serve() {
  local dir=$1 address=$2 auth=""
  case $address in 127.*:*) ;; *) die "$address is no address of loopback" ;; esac
  fetch >/dev/null; mkdir -p "$dir"
  if [ $# = 4 ]; then
    # bcrypt, by the machine's own crypt(3): the one hash that the registry takes. The salt need not be secret here.
    perl -e 'my ($user, $word) = @ARGV; print "$user:", crypt($word, q($2b$05$abcdefghijklmnopqrstuu)), "\n"' "$3" "$4" >"$dir/htpasswd"
    auth="auth: {htpasswd: {realm: quarterdeck, path: $dir/htpasswd}}"
  fi
  printf 'version: 0.1\nlog: {level: warn}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "%s"}\n%s\n' "$dir/data" "$address" "$auth" >"$dir/config.yml"
  OTEL_TRACES_EXPORTER=none exec "$PROGRAM" serve "$dir/config.yml"
}

case "${1:-} $#" in
  'fetch 1') fetch ;;
  'serve 3' | 'serve 5') shift; serve "$@" ;;
  *) usage "$0" ;;
esac
