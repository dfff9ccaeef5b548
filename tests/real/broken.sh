#!/bin/bash
# Broken things for a real cluster, one in each file of broken/. The first lines of a file say what Kubernetes reports of it, and which of our
# rules find it: in its namespace, or, with an object before the rule, of what stands in none.
#
#   broken.sh list               their names
#   broken.sh break DIR NAME...  make them in the cluster of kubernetes.sh in DIR; `all` for all of them
#   broken.sh mend DIR NAME...   take them away again
#   broken.sh record DIR FOLDER  what the cluster says of them now: NAME.json for each, a list with an object in each line
#
# Each has a namespace of its own name, so that they do not disturb each other, and whoever finds something knows by whom. Those
# that break the whole cluster, such as a node that is cordoned, come last in the list; one begins with those before them.
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"

# A namespace that was made this moment has no service account yet, and pods are refused in it.
ADMITS_S=20
# What is made first would be hindered by these.
LAST=(node-old node-silent node-cordoned)

list() {
  local file name
  for file in "$here"/broken/*.yaml; do
    name=$(basename "$file" .yaml)
    [[ " ${LAST[*]} " == *" $name "* ]] || echo "$name"
  done
  printf '%s\n' "${LAST[@]}"
}

inside() { "$here/kubernetes.sh" inside "$@"; }

# lines WORD NAME: the commands behind this word in the comment of a file
lines() { sed -n "s/^# $1: //p" "$here/broken/$2.yaml"; }

break_one() {
  local dir=$1 name=$2 line
  while read -r line; do inside "$dir" $line >/dev/null </dev/null; done < <(lines First "$name")
  wait_for $ADMITS_S inside "$dir" kubectl apply -f "$here/broken/$name.yaml" || inside "$dir" kubectl apply -f "$here/broken/$name.yaml" >&2 || die "could not make $name"
  while read -r line; do inside "$dir" $line >/dev/null </dev/null; done < <(lines Then "$name")
}

# What is recorded of a namespace, and what stands outside any.
KINDS=pods,deployments,replicasets,statefulsets,daemonsets,jobs,cronjobs,services,endpointslices,ingresses,persistentvolumeclaims
KINDS+=,horizontalpodautoscalers,poddisruptionbudgets,networkpolicies,resourcequotas,roles,rolebindings,serviceaccounts,events
declare -A OUTSIDE=([ingress-backend-missing]=ingressclass/quarterdeck-test [namespace-terminating]=namespace/namespace-terminating
  [node-cordoned]=node/node1 [node-old]=node/node-old [node-silent]=node/node-silent [rbac-cluster-admin]=clusterrolebinding/rbac-cluster-admin
  [storage-class-default-twice]=storageclasses [webhook-mutating]=mutatingwebhookconfigurations [webhook-validating]=validatingwebhookconfigurations)

record_one() {
  local dir=$1 folder=$2 name=$3
  {
    inside "$dir" kubectl -n "$name" get "$KINDS" -o json
    [ -z "${OUTSIDE[$name]:-}" ] || inside "$dir" kubectl get "${OUTSIDE[$name]}" -o json
  } | jq -cr '(.items // [.])[] | del(.metadata.managedFields, .metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"])
      | select(.metadata.name != "default" or .kind != "ServiceAccount")
      | if .metadata.annotations == {} then del(.metadata.annotations) else . end' |
    { echo '{"apiVersion":"v1","kind":"List","items":['; sed '$!s/$/,/'; echo ']}'; } >"$folder/$name.json"
}

mend_one() {
  local dir=$1 name=$2 line
  while read -r line; do inside "$dir" $line >/dev/null </dev/null; done < <(lines Undo "$name")
  inside "$dir" kubectl delete --ignore-not-found --wait=false -f "$here/broken/$name.yaml" >/dev/null
}

case "${1:-} $#" in
  'list 1') list ;;
  'record 3')
    mkdir -p "$3"
    for name in $(list); do
      ! inside "$2" kubectl get -f "$here/broken/$name.yaml" >/dev/null 2>&1 || record_one "$2" "$3" "$name"
    done
    ;;
  'break '[3-9]* | 'mend '[3-9]* | 'break '[1-9][0-9]* | 'mend '[1-9][0-9]*)
    verb=$1 dir=$2; shift 2
    [ "$*" != all ] || set -- $(list)
    for name; do [ -e "$here/broken/$name.yaml" ] || die "there is no $name; see broken.sh list"; done
    inside "$dir" true
    for name; do "${verb}_one" "$dir" "$name"; done
    ;;
  *) usage "$0" ;;
esac
