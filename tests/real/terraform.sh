#!/bin/bash
# Terraform and its docker provider for the real-parts suite.
#
#   terraform.sh                  how to use both: the paths, as lines for a shell
#   terraform.sh path             the terraform program: $QUARTERDECK_TERRAFORM, else the one on PATH
#   terraform.sh provider build   the docker provider, built through Go modules into a filesystem mirror; prints the mirror
#   terraform.sh cli-config       a CLI configuration that uses that mirror; prints its path, for TF_CLI_CONFIG_FILE
#
# Exit code 3 says that terraform is absent. We do not fetch it: a suite that needs it has to fail, or to say loudly that it
# was skipped. Needs Go 1.26 or newer for `provider build`, only the first time.
#
# The mirror holds two versions, so that a test can have the well-known failure and its cure:
#   4.6.0  what it says: the commit of 2026-09-16, 15 days after the release (the only one that Go modules serve)
#   3.0.2  a STAND-IN of that number: the same code, told at build time that the newest API it speaks is 1.41, as the client
#          library of the real 3.0.2 does. An engine whose minimum is 1.44 refuses it as it refuses the real one.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

COMMIT=v0.0.0-20260916201441-96d331c98ff4 NEW=4.6.0 OLD=3.0.2 OLD_API=1.41
DIR=$CACHE/terraform
# Where Terraform looks for a provider of this source address in a filesystem mirror. The host belongs to the name of the
# provider (`kreuzwerker/docker` means this); nothing is fetched from it.
ADDRESS=registry.terraform.io/kreuzwerker/docker
place() { echo "$DIR/mirror/$ADDRESS/$1/linux_amd64/terraform-provider-docker_v$1"; }

path() {
  local found=${QUARTERDECK_TERRAFORM:-$(command -v terraform || true)}
  if [ ! -x "$found" ]; then
    say "terraform is absent: put it on PATH, or name it in QUARTERDECK_TERRAFORM (it is not fetched for you)"
    exit 3
  fi
  echo "$found"
}

build() {
  # The module's own name is the former one of its repository.
  local work source module=github.com/terraform-providers/terraform-provider-docker
  command -v go >/dev/null || die "the docker provider is built with Go 1.26 or newer, and there is no go on PATH"
  work=$(mktemp -d); trap "rm -rf '$work'" EXIT; cd "$work"
  cat >go.mod <<X
module quarterdeck.test/tools
go 1.26
tool $module
replace $module => github.com/kreuzwerker/terraform-provider-docker $COMMIT
require $module v0.0.0-00010101000000-000000000000
X
  say "docker provider: resolving its modules"
  go mod tidy >log 2>&1 || die "go mod tidy failed: $(tail -n 3 log)"
  compile "$NEW" "$module"

  # The stand-in: a copy of the client library in which one number differs. (`go build -overlay` refuses files of the module cache.)
  source=$(go list -f '{{.Dir}}' -m github.com/docker/docker)
  cp -r --no-preserve=mode "$source" docker; rm -rf docker/vendor
  [ -f docker/go.mod ] || echo 'module github.com/docker/docker' >docker/go.mod
  sed -i -E "s/(DefaultVersion *= *)\"[0-9.]+\"/\1\"$OLD_API\"/" docker/api/common.go
  ! cmp -s "$source/api/common.go" docker/api/common.go || die "the client library has no DefaultVersion to set any more"
  go mod edit -replace github.com/docker/docker=./docker
  compile "$OLD" "$module"
  cd /
}

compile() {
  local version=$1 module=$2 to; to=$(place "$version")
  say "docker provider $version: building"
  CGO_ENABLED=0 $NICE go build -p "$JOBS" -trimpath -ldflags "-s -w -X main.version=$version" -o "built-$version" "$module" 2>log || die "go build failed: $(tail -n 5 log)"
  mkdir -p "$(dirname "$to")"; cp "built-$version" "$to.new"; mv "$to.new" "$to"
}

# The older one is made last, so that it says that both are there.
provider_build() { once "$(place $OLD)" build; echo "$DIR/mirror"; }

cli_config() {
  local mirror file=$DIR/cli.tfrc; mirror=$(provider_build)
  # Written whole and then renamed: another terraform may be reading it. `include` alone, and no `direct`: whatever is not in
  # the mirror is an error, never a download.
  printf 'provider_installation {\n  filesystem_mirror {\n    path    = "%s"\n    include = ["%s"]\n  }\n}\n' "$mirror" "$ADDRESS" >"$file.$$"
  mv "$file.$$" "$file"
  echo "$file"
}

how() {
  local program config; program=$(path); config=$(cli_config)
  printf 'export QUARTERDECK_TERRAFORM=%q\nexport TF_CLI_CONFIG_FILE=%q\nexport CHECKPOINT_DISABLE=1\n' "$program" "$config"
  printf '# %s, docker provider %s and %s (stand-in); then: "$QUARTERDECK_TERRAFORM" init -input=false\n' "$(TF_CLI_CONFIG_FILE=$config CHECKPOINT_DISABLE=1 "$program" version | head -n 1)" "$NEW" "$OLD"
}

case "${1:-} ${2:-}" in
  ' ') how ;;
  'path ') path ;;
  'provider build') provider_build ;;
  'cli-config ') cli_config ;;
  *) usage "$0" ;;
esac
