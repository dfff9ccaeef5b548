#!/bin/bash
# The story that the real parts exist for, told with them alone: proof that they work on this machine.
#
#   story.sh [SAMPLES]   exit 0 when each step went as told; Terraform's output is kept under SAMPLES, if that is named
#
# Engine 26 with the docker provider 3.0.2 (the stand-in), a network, an image and a container; the engine is swapped for 29,
# which refuses that provider; 4.6.0 mends it; its destruction leaves nothing. It is no test of Quarterdeck, which is not run
# here. As there, every change, destruction too, is the apply of a saved plan.
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"

samples=${1:-}
[ -z "$samples" ] || { mkdir -p "$samples"; samples=$(cd "$samples" && pwd); }
terraform=$("$here/terraform.sh" path) # ends us with 3 if it is absent
command -v jq >/dev/null || need jq:jq

work=$(mktemp -d); engine=$work/engine
trap '"$here/engine.sh" stop "$engine"; rm -rf "$work"' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM HUP

pin() { # VERSION: the mission's file, and a provider installed for it; the state stays
  mkdir -p "$work/mission"; cd "$work/mission"; rm -rf .terraform .terraform.lock.hcl
  cat >main.tf <<X
terraform {
  required_providers {
    docker = {
      source  = "kreuzwerker/docker"
      version = "$1"
    }
  }
}

provider "docker" {
  host = "unix://$engine/docker.sock"
}

resource "docker_network" "private_network" {
  name = "private_network"
}

resource "docker_image" "nginx" {
  name         = "nginx:alpine"
  keep_locally = true
}

resource "docker_container" "web" {
  name  = "web"
  image = docker_image.nginx.image_id
  networks_advanced {
    name = docker_network.private_network.name
  }
  ports {
    internal = 80
    external = 8081
  }
}
X
}

# tf NAME ARGUMENTS...: terraform, its output kept as the sample NAME; answers with its exit code
tf() {
  local name=$1 rc=0 out; shift; out=$work/$name
  "$terraform" "$@" >"$out" 2>"$out.err" </dev/null || rc=$?
  keep "$out" "$name"; [ ! -s "$out.err" ] || keep "$out.err" "$name.stderr"
  say "terraform $* (exit $rc)"
  return $rc
}
keep() { [ -z "$samples" ] || sed "s#$engine#/engine#g; s#$work#/work#g; s#$CACHE#/cache#g; s#$(uname -r)#6.0.0#g" "$1" >"$samples/$2"; }
expect() { local want=$1 rc=0; shift; "$@" || rc=$?; [ $rc = "$want" ] || { tail -n 20 "$work"/*.err >&2; die "expected exit $want, got $rc: $*"; }; }
web() { "$here/engine.sh" inside "$engine" curl -s -o /dev/null -w '%{http_code}' --retry 20 --retry-connrefused --retry-delay 0 --max-time 20 http://127.0.0.1:8081/; }
must_answer() { local code; code=$(web) || true; [ "$code" = 200 ] || die "nginx answers '$code'"; say "nginx answers 200"; }
api() { curl -s --unix-socket "$engine/docker.sock" "http://engine/$1"; }
networks() { api networks | jq -r '.[].Name' | grep -c '^private_network$' || true; }
refused() { grep -qF 'client version 1.41 is too old. Minimum supported API version is 1.44' "$work/$1" || die "$1 does not tell of the API"; }

export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 TF_CLI_CONFIG_FILE
TF_CLI_CONFIG_FILE=$("$here/terraform.sh" cli-config)
"$here/engine.sh" fetch 29 >/dev/null
say "all is fetched"

"$here/engine.sh" start trixie "$engine"
"$here/nginx.sh" load "$engine/docker.sock"
api version >"$work/26-version.json"; keep "$work/26-version.json" 26-version.json
pin '~> 3.0.2'
expect 0 tf 26-init.jsonl init -input=false -json
expect 0 tf 26-plan.jsonl plan -input=false -json -out=plan
expect 0 tf 26-show-plan.json show -json plan
expect 0 tf 26-apply.jsonl apply -input=false -json plan
must_answer
keep terraform.tfstate 26-terraform.tfstate; keep .terraform.lock.hcl 26-terraform.lock.hcl
expect 0 tf 26-plan-again.jsonl plan -input=false -json -detailed-exitcode

# Somebody removes the container by hand: drift, and a plan that makes it again.
"$here/engine.sh" inside "$engine" docker rm -f web >/dev/null
expect 2 tf 26-drift-plan.jsonl plan -input=false -json -detailed-exitcode -out=plan
expect 0 tf 26-drift-show-plan.json show -json plan
expect 0 tf 26-drift-apply.jsonl apply -input=false -json plan
must_answer
cp terraform.tfstate "$work/26-terraform.tfstate"

# A plan that would make a container root on the machine, and one value that only the apply knows. It is never applied.
mkdir "$work/danger"; cp -r .terraform .terraform.lock.hcl "$work/danger/"; cd "$work/danger"
{ sed '/^resource/,$d' "$work/mission/main.tf"; cat "$here/danger.tf"; } >main.tf
expect 0 tf 26-danger-plan.jsonl plan -input=false -json -out=plan
expect 0 tf 26-danger-show-plan.json show -json plan
cd "$work/mission"

"$here/engine.sh" swap 29 "$engine"
api version >"$work/29-version.json"; keep "$work/29-version.json" 29-version.json
expect 1 tf 29-old-plan.jsonl plan -input=false -json -out=plan; refused 29-old-plan.jsonl
cmp -s terraform.tfstate "$work/26-terraform.tfstate" || die "the refused plan touched the state"

# With a network alone in the state nothing is an error: the provider takes the refusal for "it is gone".
mkdir "$work/alone"; "$terraform" state list >/dev/null
cp -r .terraform .terraform.lock.hcl "$work/alone/"
sed '/^resource "docker_image"/,$d' main.tf >"$work/alone/main.tf"
jq '.resources |= map(select(.type == "docker_network"))' terraform.tfstate >"$work/alone/terraform.tfstate"
cd "$work/alone"
expect 2 tf 29-old-network-plan.jsonl plan -input=false -json -detailed-exitcode
expect 0 tf 29-old-network-plan-destroy.jsonl plan -destroy -input=false -json -out=plan
expect 0 tf 29-old-network-apply-destroy.jsonl apply -input=false -json plan
keep terraform.tfstate 29-old-network-destroyed.tfstate
[ "$(jq '.resources | length' terraform.tfstate)" = 0 ] && [ "$(networks)" = 1 ] || die "the state should be empty, and the network there"
say "the destruction succeeded, and the network stands"

pin '4.6.0'
expect 0 tf 29-init.jsonl init -input=false -json -upgrade
expect 2 tf 29-plan.jsonl plan -input=false -json -detailed-exitcode -out=plan # the container ended with its engine: replace
expect 0 tf 29-show-plan.json show -json plan
expect 0 tf 29-apply.jsonl apply -input=false -json plan
must_answer
keep terraform.tfstate 29-terraform.tfstate
expect 0 tf 29-plan-again.jsonl plan -input=false -json -detailed-exitcode
expect 0 tf 29-plan-destroy.jsonl plan -destroy -input=false -json -out=plan
expect 0 tf 29-show-plan-destroy.json show -json plan
expect 0 tf 29-apply-destroy.jsonl apply -input=false -json plan
[ "$(networks)" = 0 ] && [ "$(api 'containers/json?all=1' | jq length)" = 0 ] || die "something outlived the destroy"
pin '~> 3.0.2' # a fresh start with the old pin: the plan succeeds, the apply is refused
rm -f terraform.tfstate*; expect 0 tf 29-old-fresh-init.jsonl init -input=false -json
expect 0 tf 29-old-fresh-plan.jsonl plan -input=false -json -out=plan
expect 1 tf 29-old-fresh-apply.jsonl apply -input=false -json plan; refused 29-old-fresh-apply.jsonl
say "the story went as told"
