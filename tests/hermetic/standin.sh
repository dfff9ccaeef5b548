#!/bin/bash
# A stand-in for terraform, scripted by $STANDIN. It speaks the protocol of the `http` backend as Terraform does.
set -u
call() { # METHOD QUERY BODY [PASSWORD]: prints the status
  local at=${TF_HTTP_ADDRESS#http://} auth host; host=${at%%/*}
  auth=$(printf %s "$TF_HTTP_USERNAME:${4:-$TF_HTTP_PASSWORD}" | base64 -w0)
  exec 3<>"/dev/tcp/${host%:*}/${host#*:}"
  printf '%s /%s%s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' \
    "$1" "${at#*/}" "$2" "$auth" "${#3}" "$3" >&3
  local version status rest; read -r version status rest <&3; cat <&3 >/dev/null; exec 3>&-; echo "$status"
}
lock='{"ID":"lock-1","Operation":"OperationTypeApply","Who":"standin"}'
state() { [ -n "${STATE:-}" ] && { sed "s/SERIAL/$1/" "$STATE"; return; }
  echo "{\"version\":4,\"terraform_version\":\"1.11.4\",\"serial\":$1,\"lineage\":\"l\",\"resources\":[{\"mode\":\"managed\",\"type\":\"docker_network\",\"name\":\"n\",\"instances\":[{\"attributes\":{\"id\":\"abc\",\"name\":\"n\"}}]}]}"; }
choose() { # the release that a mirror has
  local release=4.5.0; [ "${STANDIN:-}" = old-mirror ] && release=3.0.2
  printf 'provider "registry.terraform.io/kreuzwerker/docker" {\n  version = "%s"\n}\n' "$release" >.terraform.lock.hcl
}
version() { echo '{"@message":"Terraform 1.11.4","terraform":"1.11.4","type":"version","ui":"1.2"}'; }
sums() { echo "{\"changes\":{\"add\":1,\"change\":0,\"import\":0,\"remove\":0,\"operation\":\"$1\"},\"type\":\"change_summary\"}"; }
error() { echo "{\"type\":\"diagnostic\",\"diagnostic\":{\"severity\":\"error\",\"summary\":\"$1\",\"detail\":\"\"}}"; exit 1; }
# Whoever counts what is started counts here, and at the engine, where a provider would change something.
[ -n "${COUNTED:-}" ] && echo "${HOME##*/} $1" >>"$COUNTED"
[ -n "${KNOCKS:-}" ] && [ "$1" = apply ] && "$KNOCKS" --exact effects::yard::a_provider_at_the_engine >/dev/null
[ -f /proc/self/environ ] && env | sort >"$HOME/environment-$1"
case "$1 ${STANDIN:-}" in
  'init no-provider') echo 'Error: Failed to query available provider packages' >&2; exit 1 ;;
  'init wait-init') touch "$HOME/begun"; while [ ! -e "$HOME/go" ]; do sleep 0.02; done ;;
  'init '*) echo 'Terraform has been successfully initialized!'; choose ;;
  'plan refused') version; error 'Unable to create network: Error response from daemon: client version 1.41 is too old. Minimum supported API version is 1.44, please upgrade' ;;
  'plan tells') version; error "the password is $TF_VAR_password" ;;
  'plan newer') echo '{"terraform":"9.0.0","type":"version","ui":"2.0"}' ;;
  'plan '*) version; sums plan; for a; do case $a in -out=*) echo saved >"${a#-out=}" ;; esac; done ;;
  'show different') echo '{"format_version":"1.2","terraform_version":"1.11.4","complete":true,"resource_changes":[],"x":1}' ;;
  'show names') echo '{"format_version":"1.2","terraform_version":"1.11.4","complete":true,"resource_changes":[{"address":"docker_network.n[\"VALUE\"]","mode":"managed","type":"docker_network","name":"n","index":"VALUE","provider_name":"registry.terraform.io/kreuzwerker/docker","change":{"actions":["create"],"before":null,"after":{"name":"VALUE"},"after_unknown":{},"before_sensitive":false,"after_sensitive":{}}}]}' | sed "s/VALUE/$TF_VAR_password/g" ;;
  'show '*) echo '{"format_version":"1.2","terraform_version":"1.11.4","complete":true,"resource_changes":[]}' ;;
  'apply '*) case $HOME in */apply-fails-*) version; error 'Something new' ;; esac ;;&
  'apply crash') version; kill -9 $$ ;;
  'apply locked') version; s=$(call LOCK '' "$lock"); [ "$s" = 423 ] && error 'Error acquiring the state lock' ;;
  'apply '*)
    version; call GET '' '' wrong >"$HOME/wrong-password"
    [ "$(call LOCK '' "$lock")" = 200 ] || error 'the lock was refused'
    [ "$(call POST '?ID=lock-1' "$(state $((${SERIAL:-0} + 1)))")" = 200 ] || error 'the state was refused'
    trap 'call UNLOCK "" "$lock" >/dev/null; exit 1' INT
    touch "$HOME/begun"
    case ${STANDIN:-} in
      hang) while :; do sleep 0.05; done ;;
      wait) while [ ! -e "$HOME/go" ]; do sleep 0.02; done ;;
      errored) state 2 >errored.tfstate; error 'Failed to save state' ;;
    esac
    [ "$(call POST '?ID=lock-1' "$(state $((${SERIAL:-0} + 2)))")" = 200 ] || error 'the state was refused'
    call UNLOCK '' "$lock" >/dev/null; sums apply ;;
esac
