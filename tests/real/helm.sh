#!/bin/bash
# Helm 3.22.0, for the story that renders and installs our chart.
#
#   helm.sh fetch            the program, built once through Go modules; prints its path
#   helm.sh run WORDS...     helm, with folders of its own in place of those of whoever calls
#
# It fetches nothing: the chart is a folder, and has no dependencies. Needs Go 1.26 or newer for `fetch`, only the first time.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# The newest that Go modules serve. Raise REVISION when the way it is built changes.
VERSION=v3.22.0 REVISION=1 MODULE=helm.sh/helm/v3
PROGRAM=$CACHE/helm/$VERSION-$REVISION/helm

build() {
  local work kubernetes major minor
  command -v go >/dev/null || die "Helm is built with Go 1.26 or newer, and there is no go on PATH"
  work=$(mktemp -d); trap "rm -rf '$work'" EXIT; cd "$work"
  printf 'module quarterdeck.test/helm\ngo 1.26\nrequire %s %s\n' "$MODULE" "$VERSION" >go.mod
  export CGO_ENABLED=0 GOFLAGS=-mod=mod
  # `helm template` and `helm lint` ask no cluster: the Kubernetes that they take a chart to be for is told when Helm is built, and is
  # that of its client library. Without this it would be 1.20.
  kubernetes=$(go mod download -json "$MODULE@$VERSION" | sed -n 's/.*"GoMod": "\(.*\)",/\1/p' | xargs awk '$1 == "k8s.io/client-go" {print $2}')
  [ -n "$kubernetes" ] || die "Go modules do not serve Helm $VERSION, or it names no client library"
  major=1 minor=$(cut -d. -f2 <<<"$kubernetes")
  say "Helm $VERSION: building"
  mkdir -p "$(dirname "$PROGRAM")"
  $NICE go build -p "$JOBS" -trimpath -o helm -ldflags "-s -w -X $MODULE/internal/version.version=$VERSION \
    -X $MODULE/pkg/chartutil.k8sVersionMajor=$major -X $MODULE/pkg/chartutil.k8sVersionMinor=$minor \
    -X $MODULE/pkg/lint/rules.k8sVersionMajor=$major -X $MODULE/pkg/lint/rules.k8sVersionMinor=$minor" "$MODULE/cmd/helm" 2>log || die "go build failed: $(tail -n 5 log)"
  cp helm "$PROGRAM.new"; mv "$PROGRAM.new" "$PROGRAM"
  cd /
}

fetch() { once "$PROGRAM" build; echo "$PROGRAM"; }

run() {
  local own=$CACHE/helm/home
  fetch >/dev/null; mkdir -p "$own"
  HELM_CACHE_HOME=$own/cache HELM_CONFIG_HOME=$own/config HELM_DATA_HOME=$own/data exec "$PROGRAM" "$@"
}

case "${1:-}" in
  fetch) fetch ;;
  run) shift; run "$@" ;;
  *) usage "$0" ;;
esac
