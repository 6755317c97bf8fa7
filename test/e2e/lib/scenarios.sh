# What test/e2e/run checks, a function each. Sourced after platform.sh and checks.sh, never run.
# shellcheck shell=bash

remove_everything() {
    k delete namespace "$PLATFORM_NAMESPACE" "$OPERATOR_NAMESPACE" --ignore-not-found --wait=true --timeout=120s >/dev/null
    k delete crd learningplatforms.learningplatform.io --ignore-not-found --timeout=60s >/dev/null
    k delete apiservice v1beta1.custom.metrics.k8s.io v1beta2.custom.metrics.k8s.io --ignore-not-found >/dev/null
}

install_and_verify() { # TAG
    install_operator "$1"
    equals "ready operator replicas" 2 "$(k -n "$OPERATOR_NAMESPACE" get deployment lp-operator -o 'jsonpath={.status.readyReplicas}')"
    k get --raw /apis/custom.metrics.k8s.io/v1beta2 | jq -e '.resources | map(.name) | index("services/queue_depth")' >/dev/null
}

refused() { # SPEC_JSON PART...
    local answer
    answer=$(jq -cn --argjson spec "$1" '{apiVersion: "learningplatform.io/v1alpha1", kind: "LearningPlatform",
        metadata: {name: "wrong", namespace: "default"}, spec: $spec}' | k apply -f - 2>&1) && echo "accepted: $1" && return 1
    shift
    for part in "$@"; do contains "$answer" "$part"; done
}

refuses_bad_fields() {
    refused '{"services":{"auth":{"autoscaling":{"minReplicas":5,"maxReplicas":2}}}}' minReplicas maxReplicas
    refused '{"services":{"gateway":{"expose":{"type":"NodePort","nodePort":80}}}}' nodePort 30000
    refused '{"databases":{"postgres":{"mode":"External"}}}' secretRef
    refused '{"services":{"auth":{"concurrency":0}}}' spec.services.auth.concurrency 1
    refused '{"mode":"Sometimes"}' mode Active
    refused '{"services":{"auth":{"resources":{"requests":{"cpu":"2"},"limits":{"cpu":"1"}}}}}' cpu
}

platform_becomes_ready() { # FILE NAME
    PLATFORM=$2
    apply_platform "$1"
    wait_ready 420
    local name
    for name in $(kn get deployments -o name); do kn rollout status "$name" --timeout=10s; done
}

shows_columns() {
    local header
    header=$(k get lp -A | sed -n 1p)
    for column in NAMESPACE NAME READY PHASE REPLICAS SCALING AGE; do contains "$header" "$column"; done
    contains "$(kn get lp "$PLATFORM")" "True"
    contains "$(build/release/bin/kubectl-lp status -A --context "kind-$CLUSTER")" "gateway"
}

learner_is_served() {
    wait_for "the gateway" 60 gateway_answers
    test/e2e/learner "$BASE_URL" | tail -n 1 >build/e2e/learner
}

ask_gateway() { # TOKEN METHOD PATH [JSON]
    local options=(-fsS --max-time 30 -X "$2")
    [ -z "$1" ] || options+=(-H "Authorization: Bearer $1")
    [ $# -lt 4 ] || options+=(-H 'Content-Type: application/json' --data-binary "$4")
    curl "${options[@]}" "$BASE_URL$3"
}

recommends_five() { # TOKEN USER
    ask_gateway "$1" POST /api/reasoning/recommend "$(jq -cn --arg u "$2" '{userId: $u, n: 5}')" |
        jq -e '.items | length == 5 and all(.reason | length > 0)'
}

edits_were_reviewed() { # TOKEN USER
    ask_gateway "$1" GET "/learning/api/reasoning/data/$2" | jq -e 'any(.reviews[]; .itemId == "grammar-articles" and .rating == 1)'
}

learning_is_gone() {
    [ "$(kn get deployment,statefulset,service,hpa -o name | grep -c -- "$PLATFORM-learning")" = 0 ]
}

# A pod that was replaced serves kept connections for some seconds more.
only_pods_of_now() { # SERVICE
    [ "$(kn get pods -l "app.kubernetes.io/name=$1" -o name | wc -l)" = "$(kn get deployment "$PLATFORM-$1" -o 'jsonpath={.spec.replicas}')" ]
}

# The optional service is there only during this check: others count what a platform has.
learning_recommends() {
    local email password user token text
    read -r email password user <build/e2e/learner
    kn patch lp "$PLATFORM" --type merge -p '{"spec": {"services": {"learning": {"enabled": true}}}}' >/dev/null
    wait_ready 300
    wait_for "the end of the pods that know nothing of learning" 90 only_pods_of_now progress
    token=$(ask_gateway '' POST /auth/api/auth/login "$(jq -cn --arg e "$email" --arg p "$password" '{email: $e, password: $p}')" | jq -er .token)
    wait_for "a recommendation" 60 recommends_five "$token" "$user" || { kn get pods && kn logs "deploy/$PLATFORM-learning" --tail=20 && return 1; }
    ask_gateway "$token" GET '/api/ontology/classes/VocabularyItem/instances?subclasses=true&limit=5' | jq -e '.instances | length == 5' >/dev/null
    text=$(jq -cn --arg u "$user" '{text: "yesterday i recieve a apple from my freind", userId: $u}')
    ask_gateway "$token" POST /ai/speech2text "$text" | jq -e '[.sentence_pairs[].edits[].category] | index("article")' >/dev/null
    wait_for "the review of an edit" 90 edits_were_reviewed "$token" "$user" || { kn logs "deploy/$PLATFORM-progress" --tail=20 && return 1; }
    kn patch lp "$PLATFORM" --type merge -p '{"spec": {"services": {"learning": null}}}' >/dev/null
    wait_for "the end of learning" 120 learning_is_gone
    kn delete pvc "data-$PLATFORM-learning-db-0" --timeout=60s >/dev/null
    wait_ready 180
}

worker_sleeps() {
    [ "$(kn get deployment "$PLATFORM-ai-worker" -o 'jsonpath={.spec.replicas}')" = 0 ]
}

# A text that is to be answered later; prints the job's id.
put_job() { # TOKEN JSON
    curl -fsS --max-time 30 -H "Authorization: Bearer $1" -H 'Content-Type: application/json' -H 'Prefer: respond-async' \
        -w '{"status": %{http_code}}' --data-binary @- "$BASE_URL/ai/speech2text" <<<"$2" |
        jq -ers 'if .[1].status == 202 then .[0].jobId else error("status \(.[1].status)") end'
}

# A text that flite reads; prints the job's id.
put_recording() { # TOKEN USER TEXT
    flite -voice slt -t "$3" -o build/e2e/said.wav
    curl -fsS --max-time 30 -H "Authorization: Bearer $1" -F 'audio=@build/e2e/said.wav;type=audio/wav' -F "text=$3" -F "userId=$2" \
        "$BASE_URL/ai/pronunciation" | jq -er .jobId
}

job_is_done() { # TOKEN ID
    ask_gateway "$1" GET "/ai/jobs/$2" | jq -e '.state == "done"' >/dev/null
}

worker_is_gone() {
    [ "$(kn get deployment,statefulset,service,hpa -o name | grep -cE -- "$PLATFORM-ai-(worker|jobs)")" = 0 ]
}

# No pod while nothing waits; the job brings one, which does it.
worker_wakes_for_a_job() {
    local email password user token text job
    read -r email password user <build/e2e/learner
    kn patch lp "$PLATFORM" --type merge -p '{"spec": {"services": {"aiWorker": {"enabled": true, "autoscaling": {"idleSeconds": 20}}}}}' >/dev/null
    wait_ready 300
    token=$(ask_gateway '' POST /auth/api/auth/login "$(jq -cn --arg e "$email" --arg p "$password" '{email: $e, password: $p}')" | jq -er .token)
    wait_for "no worker while nothing waits" 240 worker_sleeps
    text=$(jq -cn --arg u "$user" '{text: ("Yesterday i recieve a apple from my freind. " * 500), userId: $u}')
    job=$(put_job "$token" "$text")
    ask_gateway "$token" GET "/ai/jobs/$job" | jq -e '.kind == "text"' >/dev/null
    wait_for "the job" 240 job_is_done "$token" "$job" || { kn get pods && kn logs "deploy/$PLATFORM-ai-worker" --tail=20 && return 1; }
    ask_gateway "$token" GET "/ai/jobs/$job" | jq -e '.result.stats["total sentences"] == 500' >/dev/null
    job=$(put_recording "$token" "$user" "The weather was lovely, so we went for a walk.")
    wait_for "the recording" 120 job_is_done "$token" "$job" || { kn get pods && kn logs "deploy/$PLATFORM-ai-worker" --tail=20 && return 1; }
    ask_gateway "$token" GET "/ai/jobs/$job" | jq -e '.result | .recognitionStatus == "Success" and .completenessScore > 50' >/dev/null
    kn patch lp "$PLATFORM" --type merge -p '{"spec": {"services": {"aiWorker": null}}}' >/dev/null
    wait_for "the end of the worker" 120 worker_is_gone
    kn delete pvc "data-$PLATFORM-ai-jobs-0" --timeout=60s >/dev/null
    wait_ready 180
}

queue_depth() { # SERVICE
    k get --raw "/apis/custom.metrics.k8s.io/v1beta2/namespaces/$PLATFORM_NAMESPACE/services/$PLATFORM-$1/queue_depth"
}

all_queue_depths() {
    local service age answer
    for service in gateway auth ai-feedback progress; do
        answer=$(queue_depth "$service")
        jq -e '.items | length == 1' <<<"$answer" >/dev/null || { echo "$answer" && return 1; }
        age=$(($(date +%s) - $(date -d "$(jq -r '.items[0].timestamp' <<<"$answer")" +%s)))
        [ "$age" -le 10 ] || { echo "$service: the value is $age s old" && return 1; }
    done
    k get --raw "/apis/custom.metrics.k8s.io/v1beta2/namespaces/$PLATFORM_NAMESPACE/pods/*/queue_depth" | jq -e '.items | length >= 4' >/dev/null
}

# The rollout of the check before may have just ended: a pod counts once it has been Ready for 2 s.
queue_depths_are_served() {
    wait_for "the queue depth of each service" 10 all_queue_depths || all_queue_depths
}

all_hpas_active() {
    local active all
    all=$(kn get hpa -o name | wc -l)
    active=$(kn get hpa -o json | jq '[.items[] | select(any(.status.conditions[]?; .type == "ScalingActive" and .status == "True"))
        | select([.status.currentMetrics[]? | select(.object.current.averageValue // .containerResource.current.averageUtilization)] | length == 3)] | length')
    [ "$all" -gt 0 ] && [ "$all" = "$active" ]
}

hpas_are_active() {
    equals "HPAs" 4 "$(kn get hpa -o name | wc -l)"
    wait_for "the HPAs to read their metrics" 120 all_hpas_active || { kn get hpa && kn describe hpa && return 1; }
}

# Names; a pod that the last rollout ended may still be listed, and be gone before it is asked.
running_pods() { # NAMESPACE SELECTOR
    k -n "$1" get pods -l "$2" -o json |
        jq -er '.items[] | select(.metadata.deletionTimestamp == null and .status.phase == "Running") | .metadata.name'
}

running_operators() {
    running_pods "$OPERATOR_NAMESPACE" app.kubernetes.io/name=lp-operator
}

# What the running pods expose, through the API server's proxy.
exposed_metrics() {
    local pod pods
    pods=$(running_pods "$PLATFORM_NAMESPACE" app.kubernetes.io/component=service)
    for pod in $pods; do
        k get --raw "/api/v1/namespaces/$PLATFORM_NAMESPACE/pods/$pod:9090/proxy/metrics"
    done
    pods=$(running_operators)
    for pod in $pods; do
        k get --raw "/api/v1/namespaces/$OPERATOR_NAMESPACE/pods/$pod:9090/proxy/metrics"
    done
}

dashboard_metrics_are_exposed() {
    local exposed name missing=''
    exposed=$(exposed_metrics | sed -n 's/^# TYPE \([a-z_0-9]*\) .*/\1/p' | sort -u)
    for name in $(grep -ohE '\b(lp|process|controller_runtime|workqueue|reconciles)_[a-z0-9_]+' dashboards/platform.json | sort -u); do
        # lp_decision_changes_total has no series before the first decision.
        grep -qxE "$name|${name%_bucket}" <<<"$exposed" || [ "$name" = lp_decision_changes_total ] || missing+="$name "
    done
    [ -n "$exposed" ]
    equals "metrics of the dashboard that no pod exposes" '' "$missing"
}

uid_of() { # KIND/NAME
    kn get "$1" -o 'jsonpath={.metadata.uid}' 2>/dev/null
}

deployment_came_back() { # OLD_UID
    local now
    now=$(uid_of "deployment/$PLATFORM-progress")
    [ -n "$now" ] && [ "$now" != "$1" ]
}

deployment_is_repaired() {
    local old
    old=$(uid_of "deployment/$PLATFORM-progress")
    kn delete deployment "$PLATFORM-progress" --wait=true >/dev/null
    wait_for "the Deployment" 30 deployment_came_back "$old"
    kn rollout status "deployment/$PLATFORM-progress" --timeout=120s
}

service_has_port() {
    [ "$(kn get service "$PLATFORM-auth" -o 'jsonpath={.spec.ports[0].port}')" = 3000 ]
}

service_is_repaired() {
    kn patch service "$PLATFORM-auth" --type=json -p '[{"op":"replace","path":"/spec/ports/0/port","value":3999}]' >/dev/null
    wait_for "the Service's port" 30 service_has_port
    # kube-proxy on the node follows a moment later.
    wait_for "auth behind the Service" 30 learner_logs_in
}

# shellcheck disable=SC2317 # called by wait_for
learner_logs_in() {
    local email password user
    read -r email password user <build/e2e/learner
    jq -n --arg email "$email" --arg password "$password" '{email: $email, password: $password}' |
        curl -fsS -m 5 -H 'Content-Type: application/json' -d @- "$BASE_URL/auth/api/auth/login" | jq -e .token >/dev/null
}

auth_pods() {
    kn get deployment "$PLATFORM-auth" -o 'jsonpath={.spec.replicas}'
}

auth_shrank() { # FROM
    [ "$(auth_pods)" -lt "$1" ]
}

load_scales_auth() {
    local email password user before=0 peak=0 now class
    before=$(auth_pods)
    read -r email password user <build/e2e/learner
    # An account each, made of this one: a password that was verified is not hashed again.
    LP_LOAD_EMAIL=$email LP_LOAD_PASSWORD=$password build/release/bin/kubectl-lp load --url "$BASE_URL" \
        --scenario test/e2e/class.yaml --learners 40 --duration 30 -o json >build/e2e/load.json 2>build/e2e/load.log &
    class=$!
    while kill -0 "$class" 2>/dev/null || [ "$peak" -le "$before" ]; do
        now=$(auth_pods) || now=$peak
        [ "$now" -le "$peak" ] || peak=$now
        [ "$((++polls))" -lt 120 ] || break
        sleep 1
    done
    wait "$class" || { tail -n 20 build/e2e/load.log && return 1; }
    echo "auth: $before pods before, $peak at the peak"
    [ "$peak" -gt "$before" ] || { kn describe hpa "$PLATFORM-auth" && return 1; }
    jq -e '.metrics.http_reqs.values.count > 50' build/e2e/load.json >/dev/null
    wait_for "auth to shrink" 300 auth_shrank "$peak"
}
polls=0

rolls_without_a_failed_request() {
    local email password user
    # Not the learner of the other checks, whose mean score is looked at later.
    test/e2e/learner "$BASE_URL" | tail -n 1 >build/e2e/rolling-learner
    read -r email password user <build/e2e/rolling-learner
    k config use-context "kind-$CLUSTER" >/dev/null # of the kubeconfig of these checks
    LP_LOAD_EMAIL=$email LP_LOAD_PASSWORD=$password test/e2e/rolling "$BASE_URL" "$PLATFORM_NAMESPACE" "$PLATFORM" 45
}

operator_failover() {
    local leader other
    operator_had_no_denial # its counters go with the pod
    leader=$(k -n "$OPERATOR_NAMESPACE" get lease lp-operator -o 'jsonpath={.spec.holderIdentity}')
    [ -n "$leader" ] || { echo "nobody holds the lease" && return 1; }
    k -n "$OPERATOR_NAMESPACE" delete pod "${leader%%_*}" --wait=false >/dev/null
    for _ in $(seq 20); do
        queue_depth auth >/dev/null || { echo "the metrics API did not answer during the change" && return 1; }
        sleep 0.5
    done
    other=$(k -n "$OPERATOR_NAMESPACE" get lease lp-operator -o 'jsonpath={.spec.holderIdentity}')
    [ -n "$other" ] && [ "$other" != "$leader" ] || { echo "the lease is still with '$other'" && return 1; }
    wait_for "the operator" 120 operator_is_up
}

versions() {
    kn get learningplatform,deployment,service,hpa,pdb,networkpolicy,serviceaccount,configmap,statefulset \
        -l "app.kubernetes.io/managed-by=lp-operator" -o json |
        jq -r '.items[] | [.kind, .metadata.name, (.metadata.managedFields[]? | select(.manager | startswith("lp-operator")) | select(.subresource != "status") | .time)] | join(" ")' | sort
}

idle_causes_no_writes() {
    local before
    before=$(versions)
    [ -n "$before" ]
    sleep 30 # the time of idleness that is looked at, not a wait for an event
    equals "times of the operator's writes" "$before" "$(versions)"
}

database_restart_keeps_data() {
    local email password user
    read -r email password user <build/e2e/learner
    kn delete pod -l app.kubernetes.io/component=database --wait=true --timeout=120s >/dev/null
    kn wait --for=condition=Ready pod -l app.kubernetes.io/component=database --timeout=180s >/dev/null
    wait_for "the learner to be known again" 120 learner_is_known "$email" "$password" "$user"
}

learner_is_known() { # EMAIL PASSWORD USER
    local token
    token=$(curl -fsS --max-time 20 -H 'Content-Type: application/json' --data-binary "$(jq -cn --arg e "$1" --arg p "$2" '{email: $e, password: $p}')" \
        "$BASE_URL/auth/api/auth/login" | jq -er .token) &&
        curl -fsS --max-time 20 -H "Authorization: Bearer $token" "$BASE_URL/progress/api/progress/recommendation/$3" | jq -e '.averageScore == 60' >/dev/null
}

operator_had_no_denial() {
    local log pod pods
    pods=$(running_operators)
    for pod in $pods; do
        log=$(k -n "$OPERATOR_NAMESPACE" logs "$pod" --tail=-1)
        [ -n "$log" ] || { echo "$pod logs nothing" && return 1; }
        ! grep -iE 'forbidden|"status":"?403|denied' <<<"$log" || return 1
        k get --raw "/api/v1/namespaces/$OPERATOR_NAMESPACE/pods/$pod:9090/proxy/metrics" >build/e2e/operator-metrics
        grep -q '^rest_client_requests_total{' build/e2e/operator-metrics || { echo "$pod does not count its requests" && return 1; }
        ! grep -E '^rest_client_requests_total\{.*code="403"' build/e2e/operator-metrics || return 1
    done
}

# What decides whether pods are restarted; an HPA may change how many there are.
pod_templates() {
    kn get deployment,statefulset -l "app.kubernetes.io/part-of=$PLATFORM" -o json |
        jq -Sc '.items[] | [.kind, .metadata.name, .spec.template]' | sort
}

plan_says() { # PART
    kn get configmap "$PLATFORM-plan" -o 'jsonpath={.data.plan\.txt}' 2>/dev/null | grep -F -- "$1"
}

condition_is() { # TYPE STATUS
    [ "$(platform_condition "$1" status)" = "$2" ]
}

plan_writes_nothing() {
    local before
    before=$(pod_templates)
    [ -n "$before" ]
    kn patch lp "$PLATFORM" --type merge -p '{"spec": {"mode": "Plan", "services": {"progress": {"queueLimit": 111}}}}' >/dev/null
    wait_for "the plan" 60 plan_says "restarts pods: yes" || { kn get lp,configmap && return 1; }
    plan_says "$PLATFORM-progress" >/dev/null || { plan_says '' && return 1; }
    equals "pod templates" "$before" "$(pod_templates)"
    kn patch lp "$PLATFORM" --type merge -p '{"spec": {"mode": "Active", "services": {"progress": {"queueLimit": null}}}}' >/dev/null
    wait_ready 60
    equals "pod templates" "$before" "$(pod_templates)"
}

# Another version of the operator is one that gives pods another pull policy.
other_operator() { # PULL_POLICY
    k -n "$OPERATOR_NAMESPACE" set env deployment/lp-operator "LP_IMAGE_PULL_POLICY=$1" >/dev/null
    k -n "$OPERATOR_NAMESPACE" rollout status deployment/lp-operator --timeout=120s >/dev/null
}

upgrade_waits() {
    local before policy other=Never
    operator_had_no_denial # its counters go with its pods
    before=$(pod_templates)
    policy=$(k -n "$OPERATOR_NAMESPACE" get deployment lp-operator -o json |
        jq -r '.spec.template.spec.containers[0].env[] | select(.name == "LP_IMAGE_PULL_POLICY").value')
    [ "$policy" != Never ] || other=IfNotPresent
    other_operator "$other"
    wait_for "UpgradePending" 60 condition_is UpgradePending True || { kn describe lp "$PLATFORM" && return 1; }
    contains "$(platform_condition UpgradePending message)" imagePullPolicy
    equals "pod templates" "$before" "$(pod_templates)"
    condition_is Ready True
    operator_had_no_denial
    other_operator "$policy"
    wait_for "the end of UpgradePending" 60 condition_is UpgradePending '' || { kn describe lp "$PLATFORM" && return 1; }
    equals "pod templates" "$before" "$(pod_templates)"
}

# But for the volumes of the embedded databases and their Secrets (spec.databases.*.onDelete: Retain).
nothing_is_left() {
    local services="app.kubernetes.io/part-of=$PLATFORM,app.kubernetes.io/component!=database"
    [ "$(kn get deployment,service,hpa,pdb,networkpolicy,statefulset,pod -o name -l app.kubernetes.io/part-of="$PLATFORM" | wc -l)" = 0 ] &&
        [ "$(kn get secret -o name -l "$services" | wc -l)" = 0 ]
}

platform_is_removed() {
    kn delete learningplatform "$PLATFORM" --wait=true --timeout=60s
    wait_for "everything to go" 120 nothing_is_left || { kn get all,secrets && return 1; }
    equals "claims that stay" 2 "$(kn get pvc -o name -l app.kubernetes.io/part-of="$PLATFORM" | wc -l)"
    equals "Secrets that stay with them" 2 "$(kn get secret -o name -l "app.kubernetes.io/part-of=$PLATFORM" | wc -l)"
}

namespaces_go() {
    k delete namespace "$PLATFORM_NAMESPACE" "$OPERATOR_NAMESPACE" --wait=true --timeout=60s && return 0
    k get namespaces -o json | jq -c '.items[] | select(.metadata.deletionTimestamp) | {name: .metadata.name, conditions: .status.conditions}'
    k get pods -A -o wide
    return 1
}

platform_exists() {
    kn get learningplatform "$PLATFORM"
}

all_in_one_runs() { # TAG
    local dir=build/install
    k delete crd learningplatforms.learningplatform.io --ignore-not-found --timeout=60s
    generate_install "$1" "$dir"
    k apply -f "$dir/all-in-one.yaml"
    wait_for "the operator" 240 operator_is_up
    wait_for "the platform of all-in-one.yaml" 60 platform_exists
    wait_ready 420
    wait_for "the metrics API" 60 metrics_api_is_up
}
