#!/bin/bash
# Removal in any order never hangs: platform first, operator first, namespace first, definition first, all at once, and killed.
# After each the namespaces are gone within 60 s, no APIService of ours is left, and a stranger's namespace can be deleted.
# With the real garbage collector and namespace controller, and the operator with the rights that are shipped.
#   uninstall.sh DIR        starts a control plane of its own in DIR and stops it; LP_BIN is where lp-operator lies
# shellcheck source-path=SCRIPTDIR disable=SC2317 # conditions are called by wait_for
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/integration/lib/shipped.sh

. test/integration/lib/uninstall.sh
start_plane "$1" operator

no_api_service() {
    [ -z "$(kubectl get apiservices -l app.kubernetes.io/managed-by=lp-operator -o name)" ]
}

nothing_is_left() {
    all_goes config/install.yaml
    wait_for "the APIServices to go" 60 no_api_service || fails "an APIService is left"
    stranger_goes
    stop_process "$dir" operator
}

order='platform first'
install_all config/install.yaml
kubectl -n learning delete lp smallest --wait=true --timeout=60s >/dev/null || fails "the platform is not deleted after 60 s"
wait_for "the children to go" 60 no_children || fails "children are left"
is_serving >/dev/null || fails "the metrics API went with a platform"
namespace_goes learning
nothing_is_left

order='operator first'
install_all config/install.yaml
kubectl -n $system delete deployment lp-operator --wait=true --timeout=60s >/dev/null
wait_for "the APIServices to go" 60 no_api_service || fails "an APIService is left"
namespace_goes learning
nothing_is_left

order='operator scaled to 0'
install_all config/install.yaml
kubectl -n $system scale deployment lp-operator --replicas=0 >/dev/null
wait_for "the APIServices to go" 60 no_api_service || fails "an APIService is left"
namespace_goes learning
nothing_is_left

order='namespace of the operator first'
install_all config/install.yaml
namespace_goes $system
wait_for "the APIServices to go" 60 no_api_service || fails "an APIService is left"
namespace_goes learning
nothing_is_left

order='definition first'
install_all config/install.yaml
kubectl delete crd $crd --wait=true --timeout=60s >/dev/null || fails "the definition is not deleted after 60 s"
wait_for "the APIServices to go" 60 no_api_service || fails "an APIService is left"
namespace_goes learning
nothing_is_left

# Nobody is left to take the APIServices back: they go with our right to write them.
order='killed, then as helm uninstall does'
install_all config/install.yaml
kill_operator
helm_uninstalls
wait_for "the APIServices to go" 60 no_api_service || fails "an APIService is left"
namespace_goes learning
nothing_is_left

order='all of install.yaml at once, the platform still there'
install_all config/install.yaml
kubectl delete -f config/install.yaml --wait=true --timeout=60s >/dev/null || fails "install.yaml is not deleted after 60 s"
nothing_is_left
exit $bad
