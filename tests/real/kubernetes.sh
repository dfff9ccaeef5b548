#!/bin/bash
# A real Kubernetes of one node, in a namespace of its own, and a real Docker engine beside it for whoever wants one.
#
#   kubernetes.sh build                          build Kubernetes and fetch what it runs on, once; prints its folder
#   kubernetes.sh start [--engine SUITE] DIR     bring it up; returns when the node is ready. SUITE as in engine.sh, in DIR/engine
#   kubernetes.sh inside DIR CMD...              run CMD in its namespace, with KUBECONFIG and kubectl, and the engine's docker
#   kubernetes.sh load DIR ARCHIVE...            image archives, for its pods
#   kubernetes.sh apiserver stop|start DIR       the API server ends (at once, as by a crash), and comes back with all its objects
#   kubernetes.sh apiserver freeze|thaw DIR      it takes connections and answers nothing, and goes on
#   kubernetes.sh stop DIR                       everything ends, its objects are gone, the machine is as before
#   kubernetes.sh run [--engine SUITE] DIR -- CMD...  start, CMD inside, stop; the exit code is CMD's
#   kubernetes.sh image                          the archive of the image for pods of stories; prints its path
#   kubernetes.sh prober                         the same with curl, quarterdeck.test/prober:1, which `load` gives to a cluster
#   kubernetes.sh digest ARCHIVE                 of what `pack` made; a pod may name the image NAME@DIGEST, once it is loaded
#   kubernetes.sh pack ROOT ARCHIVE CONFIG TAG   an image archive of the files in ROOT; CONFIG is a Dockerfile's words as JSON
#
# Kubernetes 1.34.4, or the version that QUARTERDECK_KUBERNETES names. Its API server listens on 127.0.0.1:6443 of the namespace,
# and DIR/kubeconfig is the administrator's. The node is called node1.
#
# The image is quarterdeck.test/busybox:1, loaded already: a shell and its tools. Use it with imagePullPolicy Never. There is no way
# out of the namespace and no name server in it (namespace.sh says why), so a pull fails at once; nor is there DNS in the cluster.
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
. "$here/namespace.sh"

VERSION=${QUARTERDECK_KUBERNETES:-1.34.4}
# Raise it when main.go, or what else goes into the folder, changes.
REVISION=1
BIN=$CACHE/kubernetes/$VERSION-$REVISION
PLUGINS=$CACHE/kubernetes/cni-bookworm
IMAGE=quarterdeck.test/busybox:1 IMAGE_ARCHIVE=$CACHE/images/busybox-2.tar
# It asks sockets and TLS from within a pod, which busybox can't.
PROBER=quarterdeck.test/prober:1 PROBER_ARCHIVE=$CACHE/images/prober-1.tar
# The process that holds a pod's namespaces. It is the same busybox, asleep.
SANDBOX=quarterdeck.test/sandbox:1 SANDBOX_ARCHIVE=$CACHE/images/sandbox-2.tar

# Each part must answer within this many seconds; the whole takes four to seven on two busy cores.
ANSWERS_S=90
# As in engine.sh, whose folder lies in ours.
DIR_LENGTH_MAX=63

API=https://127.0.0.1:6443
# The node's own address, which pods reach it by, and the API server's in the cluster: the first of the services' network.
NODE=10.98.0.1 SERVICES=10.96.0.0/16 API_SERVICE=10.96.0.1 PODS=10.244.0.0/16
# A kubelet insists on writing these settings of the whole machine's kernel; it is given copies to write to.
KERNEL=(vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops)

# --- what it is made of ------------------------------------------------------------------------------------------------------

fetch() {
  need_machine
  need jq:jq openssl:openssl
  # containerd, runc and the process 1 of the namespace are those of bookworm's engine.
  BASE=$("$here/engine.sh" fetch bookworm)
  once "$BIN" build
  once "$PLUGINS" unpack_plugins
  once "$IMAGE_ARCHIVE" make_image "$IMAGE" "$IMAGE_ARCHIVE" '{"Env":["PATH=/bin"],"Cmd":["sh"]}'
  once "$SANDBOX_ARCHIVE" make_image "$SANDBOX" "$SANDBOX_ARCHIVE" '{"Env":["PATH=/bin"],"Entrypoint":["sleep","infinity"]}'
}

prober() { need curl:curl; once "$PROBER_ARCHIVE" make_image "$PROBER" "$PROBER_ARCHIVE" '{"Env":["PATH=/bin:/usr/local/bin"],"Cmd":["sh"]}' curl; }

build() {
  local work required go staging module package=k8s.io/component-base/version
  command -v go >/dev/null || die "Kubernetes is built with Go, and there is no go on PATH"
  work=$(mktemp -d); trap "rm -rf '$work' '$BIN.new'" EXIT; cd "$work"
  cp "$here/kubernetes/main.go" .
  export CGO_ENABLED=0 GOFLAGS=-mod=mod
  say "Kubernetes $VERSION: fetching its modules"
  required=$(go mod download -json "k8s.io/kubernetes@v$VERSION" | jq -r .GoMod) || die "Go modules do not serve Kubernetes $VERSION"
  go mod init quarterdeck.test/kubernetes 2>/dev/null
  go=$(go mod edit -json "$required" | jq -r .Go)
  go mod edit -go="$go" -godebug="default=go${go%.*}" -require="k8s.io/kubernetes@v$VERSION"
  # It looks for its staging modules in its own tree, which a dependency does not have: each is named by its published version.
  # Only those that it requires, since some of the others are not published.
  staging=$(go mod edit -json "$required" | jq -r '[.Replace[].Old.Path] as $own | .Require[].Path | select(. as $path | $own | index($path))')
  for module in $staging; do go mod edit -replace "$module=$module@v0.${VERSION#*.}"; done
  say "Kubernetes $VERSION: building"
  $NICE go build -p "$JOBS" -trimpath -o kubernetes -ldflags "-s -w -X $package.gitVersion=v$VERSION -X $package.gitMajor=${VERSION%%.*} \
    -X $package.gitMinor=$(cut -d. -f2 <<<"$VERSION") -X $package.gitTreeState=clean" . 2>log || die "go build failed: $(tail -n 5 log)"
  mkdir -p "$BIN.new"; cp kubernetes "$BIN.new/"
  for module in kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl etcd; do ln -sf kubernetes "$BIN.new/$module"; done
  cd /; mv "$BIN.new" "$BIN"
}

unpack_plugins() { rm -rf "$PLUGINS.new"; unpack bookworm "$PLUGINS.new" containernetworking-plugins; mv "$PLUGINS.new" "$PLUGINS"; }

make_image() { # TAG ARCHIVE CONFIG [PROGRAM...]
  local work; work=$(mktemp -d); trap "rm -rf '$work'" EXIT
  unpack bookworm "$work/packages" busybox-static
  mkdir -p "$work/root"/{dev,etc,proc,root,sys}
  printf 'root:x:0:0:root:/root:/bin/sh\n' >"$work/root/etc/passwd"; printf 'root:x:0:\n' >"$work/root/etc/group"
  busybox "$work/packages/bin/busybox" "$work/root"
  local program
  for program in "${@:4}"; do
    # In a shell of its own, since some names there are names here too.
    (. "$here/../../deploy/images/lib.sh"; program "$(command -v "$program")" "$work/root" "$program")
  done
  pack "$work/root" "$2" "$3" "$1"
}

# --- who is who --------------------------------------------------------------------------------------------------------------

# One authority for the whole cluster, made anew for each. A certificate's subject is its user and groups; each user has a kubeconfig.
certify() { # NAME SUBJECT [ALTERNATIVE-NAMES]
  local name=$1
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$name.key" -subj "$2" -out "$name.csr" 2>/dev/null
  printf 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth,clientAuth\n%s\n' "${3:+subjectAltName=$3}" >"$name.ext"
  openssl x509 -req -in "$name.csr" -CA authority.crt -CAkey authority.key -CAcreateserial -days 30 -sha256 -extfile "$name.ext" -out "$name.crt" 2>/dev/null
  cat >"$name.kubeconfig" <<X
apiVersion: v1
kind: Config
clusters: [{name: real, cluster: {server: "$API", certificate-authority-data: $(base64 -w0 authority.crt)}}]
users: [{name: $name, user: {client-certificate-data: $(base64 -w0 "$name.crt"), client-key-data: $(base64 -w0 "$name.key")}}]
contexts: [{name: real, context: {cluster: real, user: $name}}]
current-context: real
X
}

certify_all() (
  umask 077; mkdir "$1/pki"; cd "$1/pki"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout authority.key -days 30 -subj /CN=quarterdeck-test -out authority.crt 2>/dev/null
  certify apiserver /CN=kube-apiserver "IP:127.0.0.1,IP:$NODE,IP:$API_SERVICE,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
  certify apiserver-to-kubelet /O=system:masters/CN=apiserver-kubelet-client
  certify kubelet /O=system:nodes/CN=system:node:node1 "DNS:node1,IP:127.0.0.1,IP:$NODE"
  certify admin /O=system:masters/CN=admin
  certify controllers /CN=system:kube-controller-manager; certify scheduler /CN=system:kube-scheduler; certify proxy /CN=system:kube-proxy
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out tokens.key 2>/dev/null
  openssl pkey -in tokens.key -pubout -out tokens.pub 2>/dev/null
  cp admin.kubeconfig ../kubeconfig
)

# --- its parts ---------------------------------------------------------------------------------------------------------------

# part DIR NAME CMD...: a process of the cluster in the background, its words in DIR/log/NAME. DIR/run/NAME is its number inside.
# It is forked in there, so that its parent becomes process 1: `nsenter` would stop itself together with a child that is stopped,
# and nobody would reap the child then.
part() {
  local dir=$1 name=$2; shift 2
  "${WITHOUT_PROXY[@]}" PATH="$BIN:$BASE/usr/sbin:$BASE/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    nsenter -t "$(alive "$dir/init")" -n -m -p --wdns=/ -- setsid --fork bash -c 'echo $$ >"$1"; shift; exec "$@"' - "$dir/run/$name" "$@" </dev/null >>"$dir/log/$name" 2>&1
}
signal() { within "$1" bash -c 'kill "-$2" "$(cat "$1")"' - "$1/run/$2" "$3"; }
gone() { within "$1" bash -c '! kill -0 "$(cat "$1")" 2>/dev/null' - "$1/run/$2"; }

# await DIR NAME CMD...: until CMD succeeds, or the part that it waits for has ended
await() {
  local dir=$1 name=$2; shift 2
  for _ in $(seq $((ANSWERS_S * 10))); do
    "$@" >/dev/null 2>&1 && return 0
    [ ! -s "$dir/run/$name" ] || ! gone "$dir" "$name" || break
    sleep 0.1
  done
  say "$name does not answer; its last words:"
  tail -n 15 "$dir/log/$name" >&2
  exit 1
}

prepare_node() {
  local dir=$1 setting group; group=$(cgroup "$dir")
  mkdir "$dir/kernel"
  for setting in "${KERNEL[@]}"; do cat "/proc/sys/$setting" >"$dir/kernel/${setting//\//_}"; done
  within "$dir" bash -ec '
    dir=$1 node=$2; shift 2
    for setting; do mount --bind "$dir/kernel/${setting//\//_}" "/proc/sys/$setting"; done
    # The parts look for a default route. This one leads nowhere.
    ip link add node0 type bridge; ip addr add "$node/24" dev node0; ip link set node0 up
    ip route add default via "${node%.*}.254" dev node0
    sysctl -qw net.ipv4.ip_forward=1' - "$dir" "$NODE" "${KERNEL[@]}"
  # A kubelet wants its cgroup to be there: in each hierarchy on cgroup v1, with each controller on v2.
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    for setting in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$setting" >/sys/fs/cgroup/cgroup.subtree_control || true; done 2>/dev/null
    mkdir -p "/sys/fs/cgroup/$group"
  else
    for setting in /sys/fs/cgroup/*/; do mkdir -p "$setting$group"; done
    for setting in cpus mems; do
      [ ! -e "/sys/fs/cgroup/cpuset/cpuset.$setting" ] || cat "/sys/fs/cgroup/cpuset/cpuset.$setting" >"/sys/fs/cgroup/cpuset/$group/cpuset.$setting"
    done
  fi
}

launch_containerd() {
  local dir=$1
  mkdir "$dir/cni"
  cat >"$dir/containerd.toml" <<X
version = 2
root = "$dir/containerd"
state = "$dir/containerd-state"
[grpc]
  address = "$dir/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$SANDBOX"
  restrict_oom_score_adj = true # where CAP_SYS_RESOURCE is missing, a lower score can't be set
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$PLUGINS/usr/lib/cni"
    conf_dir = "$dir/cni"
X
  cat >"$dir/cni/10-pods.conflist" <<X
{"cniVersion": "0.3.1", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "pods0", "isGateway": true, "hairpinMode": true, "ipam": {"type": "host-local", "dataDir": "$dir/addresses",
    "ranges": [[{"subnet": "${PODS%/*}/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
X
  part "$dir" containerd containerd -c "$dir/containerd.toml"
}

launch_etcd() {
  part "$1" etcd etcd --data-dir "$1/etcd" --unsafe-no-fsync \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 --initial-cluster default=http://127.0.0.1:2380
}

# Who wrote, and which object, without what: cheap enough for always. A server that comes back goes on in the same file.
audit_policy() {
  cat >"$1/audit.yaml" <<X
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    verbs: [create, update, patch, delete, deletecollection]
    resources:
      - {group: "", resources: [configmaps, pods]}
      - {group: batch, resources: [jobs]}
      - {group: coordination.k8s.io, resources: [leases]}
      - {group: quarterdeck.dev}
  - level: None
X
}

launch_apiserver() {
  local dir=$1 pki=$1/pki
  audit_policy "$dir"
  part "$dir" kube-apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 --secure-port="${API##*:}" --advertise-address="$NODE" \
    --service-cluster-ip-range="$SERVICES" --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --cert-dir="$dir/run" --client-ca-file="$pki/authority.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$pki/tokens.pub" --service-account-signing-key-file="$pki/tokens.key" \
    --kubelet-client-certificate="$pki/apiserver-to-kubelet.crt" --kubelet-client-key="$pki/apiserver-to-kubelet.key" \
    --kubelet-certificate-authority="$pki/authority.crt" --kubelet-preferred-address-types=InternalIP \
    --audit-policy-file="$dir/audit.yaml" --audit-log-path="$dir/log/audit.log"
}

launch_controllers() {
  local dir=$1 pki=$1/pki own
  own() { echo "--kubeconfig=$pki/$1.kubeconfig --authentication-kubeconfig=$pki/$1.kubeconfig --authorization-kubeconfig=$pki/$1.kubeconfig --bind-address=127.0.0.1 --leader-elect=false"; }
  # At the default rate of requests its start takes six seconds instead of two. A node that was never heard of is told of sooner
  # than after a minute; one that was heard of keeps the usual 50 seconds.
  part "$dir" kube-controller-manager kube-controller-manager $(own controllers) --kube-api-qps=200 --kube-api-burst=400 --node-startup-grace-period=10s \
    --service-account-private-key-file="$pki/tokens.key" --root-ca-file="$pki/authority.crt" --use-service-account-credentials=true
  part "$dir" kube-scheduler kube-scheduler $(own scheduler)
}

launch_node() {
  local dir=$1 pki=$1/pki
  cat >"$dir/kubelet.yaml" <<X
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://$dir/containerd.sock
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/authority.crt}}
authorization: {mode: Webhook}
tlsCertFile: $pki/kubelet.crt
tlsPrivateKeyFile: $pki/kubelet.key
cgroupDriver: cgroupfs
cgroupRoot: /$(cgroup "$dir")
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
nodeStatusUpdateFrequency: 1s
clusterDNS: [$NODE] # nobody answers there, so a look-up is refused at once; without it each pod would have a warning
clusterDomain: cluster.local
podLogsDir: $dir/pods
evictionHard: {memory.available: "100Mi", nodefs.available: "100Mi", imagefs.available: "100Mi"} # not per cent: a large disk with 2 GB left is no reason to evict
imageGCHighThresholdPercent: 100 # a disk that others fill would cost the sandbox's image, which nobody can pull again
imageGCLowThresholdPercent: 99
X
  part "$dir" kubelet kubelet --kubeconfig="$pki/kubelet.kubeconfig" --config="$dir/kubelet.yaml" --hostname-override=node1 --node-ip="$NODE" \
    --root-dir="$dir/kubelet" --cert-dir="$dir/run"
  part "$dir" kube-proxy kube-proxy --kubeconfig="$pki/proxy.kubeconfig" --hostname-override=node1 --proxy-mode=iptables --cluster-cidr="$PODS" \
    --conntrack-max-per-core=0 # else it would write a setting of the whole machine
}

# --- the cluster -------------------------------------------------------------------------------------------------------------

kubectl() { local dir=$1; shift; inside "$dir" kubectl --request-timeout=5s "$@"; }
ready() { [ "$(kubectl "$1" get --raw=/readyz)" = ok ]; }
node_ready() { [ "$(kubectl "$1" get node node1 -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]; }
containerd_answers() { within "$1" "$BASE/usr/bin/ctr" -a "$1/containerd.sock" version; }
# Each image has two names: with its tag, and with its digest, since a kubelet without a registry finds only what is there by name.
import() {
  local dir=$1 archive name ctr; shift
  ctr=(within "$dir" "$BASE/usr/bin/ctr" -a "$dir/containerd.sock" -n k8s.io images)
  for archive; do
    "${ctr[@]}" import "$archive" >/dev/null
    for name in $(tar -xOf "$archive" index.json | jq -r '.manifests[].annotations["io.containerd.image.name"]'); do
      "${ctr[@]}" tag --force "$name" "${name%:*}@$(digest "$archive")" >/dev/null
    done
  done
}

# options: takes an engine's suite into $engine, and the rest into $rest
options() { engine='' rest=("$@"); [ "${1:-}" != --engine ] || { want $# 3; engine=$2 rest=("${@:3}"); }; }

start() {
  local dir engine rest; options "$@"; dir=$(place "${rest[0]}" $DIR_LENGTH_MAX)
  fetch; [ -z "$engine" ] || "$here/engine.sh" fetch "$engine" >/dev/null
  ! alive "$dir/init" >/dev/null || die "a cluster runs in $dir already"
  sweep "$dir"; mkdir -p "$dir"/{run,log}
  trap "$(printf 'stop %q' "$dir")" EXIT # half a start is none
  echo "$BIN" >"$dir/bin"
  open_namespace "$dir" "$BASE/usr/bin/tini-static"
  prepare_node "$dir"
  launch_containerd "$dir"; launch_etcd "$dir"
  certify_all "$dir"
  launch_apiserver "$dir"
  if [ -n "$engine" ]; then
    "$here/engine.sh" join "$engine" "$dir/engine" "$dir"
    # Where everybody looks for it, and pods mount it from: /run is the namespace's own.
    within "$dir" ln -s "$dir/engine/docker.sock" /run/docker.sock
  fi
  await "$dir" containerd containerd_answers "$dir"
  import "$dir" "$SANDBOX_ARCHIVE" "$IMAGE_ARCHIVE"
  await "$dir" kube-apiserver ready "$dir"
  launch_controllers "$dir"; launch_node "$dir"
  await "$dir" kube-controller-manager kubectl "$dir" get serviceaccount default
  await "$dir" kubelet node_ready "$dir"
  say "Kubernetes $VERSION is ready"
  trap - EXIT
}

runs() { alive "$1/init" >/dev/null || die "no cluster runs in $1"; }

inside() {
  local dir variables; dir=$(place "$1" $DIR_LENGTH_MAX); shift; runs "$dir"
  # KUBECACHEDIR: else kubectl would take what it remembers of another cluster at this address for true.
  variables=(KUBECONFIG="$dir/kubeconfig" KUBECACHEDIR="$dir/kubectl")
  local path; path=$(cat "$dir/bin"):$PATH
  if [ -e "$dir/engine/suite" ]; then
    path=$("$here/engine.sh" fetch "$(cat "$dir/engine/suite")")/usr/bin:$path
    variables+=(DOCKER_HOST="unix://$dir/engine/docker.sock")
  fi
  enter "$dir" "${variables[@]}" PATH="$path" -- "$@"
}

load() {
  local dir; dir=$(place "$1" $DIR_LENGTH_MAX); shift; runs "$dir"
  BASE=$("$here/engine.sh" fetch bookworm)
  import "$dir" "$@"
}

apiserver() { # stop|start|freeze|thaw DIR
  local dir name=kube-apiserver; dir=$(place "$2" $DIR_LENGTH_MAX); runs "$dir"
  case $1 in
    stop) signal "$dir" $name KILL; wait_for $ANSWERS_S gone "$dir" $name || die "the API server in $dir does not end" ;;
    start)
      gone "$dir" $name || die "the API server in $dir runs already"
      BASE=$("$here/engine.sh" fetch bookworm) BIN=$(cat "$dir/bin")
      rm "$dir/run/$name"; launch_apiserver "$dir"; await "$dir" $name ready "$dir"
      ;;
    freeze) signal "$dir" $name STOP ;;
    thaw) signal "$dir" $name CONT ;;
    *) usage "$0" ;;
  esac
}

stop() {
  local dir; dir=$(place "$1" $DIR_LENGTH_MAX)
  close_namespace "$dir"
  sweep "$dir"
}

# sweep DIR: what a cluster left in files and cgroups. Only what we made goes; DIR itself goes if nothing else is in it.
sweep() {
  local dir=$1
  [ -d "$dir" ] || return 0
  [ ! -d "$dir/engine" ] || "$here/engine.sh" stop "$dir/engine"
  sweep_cgroup "$dir"
  rm -rf "$dir"/{addresses,audit.yaml,bin,cgroup,cni,containerd,containerd-state,containerd.sock,containerd.sock.ttrpc,containerd.toml,etcd,kernel}
  rm -rf "$dir"/{kubeconfig,kubectl,kubelet,kubelet.yaml,log,pki,pods,run,init,holder}
  rmdir "$dir" 2>/dev/null || true
}

run() {
  local dir engine rest rc=0; options "$@"; dir=${rest[0]}; rest=("${rest[@]:1}"); [ "${rest[0]}" != -- ] || rest=("${rest[@]:1}")
  trap 'exit 130' INT; trap 'exit 143' TERM HUP
  END_WITH_US=yes start ${engine:+--engine "$engine"} "$dir"
  trap "$(printf 'stop %q' "$dir")" EXIT
  # In the background, because bash would hear a signal only after the command's end.
  inside "$dir" "${rest[@]}" <&0 & wait $! || rc=$?
  exit $rc
}

want() { [ "$1" -ge "$2" ] || usage "$0"; }
command=${1:-}; [ $# = 0 ] || shift
case $command in
  build) fetch; echo "$BIN" ;;
  image) fetch; echo "$IMAGE_ARCHIVE" ;;
  prober) fetch; prober; echo "$PROBER_ARCHIVE" ;;
  start) want $# 1; start "$@" ;;
  inside) want $# 2; EXEC=exec inside "$@" ;;
  load) want $# 2; load "$@" ;;
  pack) want $# 4; pack "$@" ;;
  digest) want $# 1; digest "$1" ;;
  apiserver) want $# 2; apiserver "$1" "$2" ;;
  stop) want $# 1; stop "$1" ;;
  run) want $# 2; run "$@" ;;
  *) usage "$0" ;;
esac
