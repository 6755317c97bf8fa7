#!/bin/bash
# ci/lp-ci and ci/steps on a repository of their own: what changes, what is over a limit, what is wrong; and
# what the plugin writes without a cluster.
#   ci.sh DIR       LP_BIN is where kubectl-lp lies
set -euo pipefail
cd "$(dirname "$0")/../.."
top=$PWD lp=$(realpath "$LP_BIN")/kubectl-lp
rm -rf "$1" && mkdir -p "$1/repo/platforms"
dir=$(realpath "$1")
cd "$dir/repo"
git() { command git -c user.name=test -c user.email=test@example.org "$@"; }
bad=0
fails() { echo "not ok: $*"; bad=1; }

looks() { # STATUS OPTION...
    local wanted=$1 status=0
    shift
    "$top/ci/lp-ci" --kubectl-lp "$lp" --junit "$dir/junit.xml" --markdown "$dir/comment.md" "$@" >"$dir/out" 2>&1 || status=$?
    [ "$status" = "$wanted" ] || fails "lp-ci $*: status $status, wanted $wanted: $(cat "$dir/out")"
}
has() { # FILE TEXT
    grep -qF -- "$2" "$dir/$1" || fails "$1 has no \"$2\": $(head -c 2000 "$dir/$1")"
}
counts() { # TESTS FAILURES, by an XML parser
    python3 - "$dir/junit.xml" "$1" "$2" <<'PY' || fails "junit.xml: wanted $1 tests with $2 failures: $(head -3 "$dir/junit.xml")"
import sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot()
found = len(suite.findall("testcase")), len(suite.findall("testcase/failure"))
sys.exit(found != (int(sys.argv[2]), int(sys.argv[3])) or found != (int(suite.get("tests")), int(suite.get("failures"))))
PY
}

a_change_is_told_object_by_object() {
    cat >platforms/english.yaml <<'YAML'
apiVersion: learningplatform.io/v1alpha1
kind: LearningPlatform
metadata:
  name: english
  namespace: learning
spec:
  services:
    progress: {queueLimit: 100}
    auth: {autoscaling: {maxReplicas: 4}}
YAML
    printf 'a: b\n' >platforms/other.yaml # no platform: not looked at
    git init -q -b main . && git add -A && git commit -qm base
    looks 0 platforms --base main
    counts 2 0
    has comment.md 'no object changes'
    sed -i 's/queueLimit: 100/queueLimit: 99/' platforms/english.yaml
    looks 0 platforms --base main
    has comment.md 'ConfigMap learning/english-progress'
    has comment.md 'pods restart: english-progress'
    has comment.md '```diff'
    sed 's/^  name: english$/  name: second/' platforms/english.yaml >platforms/new.yaml
    looks 0 platforms --base main
    counts 4 0
    has comment.md 'Deployment learning/second-auth'
    rm platforms/new.yaml
}

over_a_limit_is_a_failure() {
    looks 0 platforms --trace "$top/config/samples/traces/class-of-20.csv" --max-pod-hours 100
    counts 2 0
    has comment.md '| learning/english auth |'
    looks 1 platforms --trace "$top/config/samples/traces/class-of-20.csv" --max-pod-hours 0.01
    counts 2 1
    has junit.xml 'pod-hours: must be at most 0.010'
    has comment.md '1 failures'
}

a_wrong_value_is_a_failure_with_field_and_limit() {
    sed 's/^  name: english$/  name: wrong/; s/maxReplicas: 4/maxReplicas: 5000/' platforms/english.yaml >platforms/wrong.yaml
    looks 1 platforms
    counts 2 1
    has junit.xml 'maxReplicas'
    has out 'not ok  render platforms/wrong.yaml'
    rm platforms/wrong.yaml
}

what_cannot_be_looked_at_is_status_2() {
    looks 2
    looks 2 nowhere
    looks 2 platforms/other.yaml
    has out 'no LearningPlatform in there'
    looks 2 platforms --base nosuch
    has out 'git knows no such commit'
    looks 2 platforms --max-pod-hours 1
    looks 2 platforms --trace nowhere.csv
    looks 2 platforms --kubectl-lp /nowhere/kubectl-lp
    has out 'not found'
}

# `gh api` on the comments of comments.json; those of refused.json may not be changed.
fake_gh() {
    mkdir -p "$dir/bin"
    cat >"$dir/bin/gh" <<'SH'
#!/bin/bash
set -euo pipefail
dir=$(cd "$(dirname "$0")/.." && pwd) method=GET path='' filter='' body=''
[ "$1" = api ] && shift
while [ $# -gt 0 ]; do
    case $1 in
    --paginate | --silent) shift && continue ;;
    --method) method=$2 ;;
    --jq) filter=$2 ;;
    -F) body=$(<"${2#body=@}") ;;
    *) path=$1 && shift && continue ;;
    esac
    shift 2
done
change() { jq --arg body "$body" "$@" "$dir/comments.json" >"$dir/comments.new" && mv "$dir/comments.new" "$dir/comments.json"; }
case $method-$path in
'GET-repos/{owner}/{repo}/issues/7/comments?per_page=100') jq -r "$filter" "$dir/comments.json" ;;
'POST-repos/{owner}/{repo}/issues/7/comments') change '. + [{id: (length + 1), body: $body}]' ;;
'PATCH-repos/{owner}/{repo}/issues/comments/'*)
    [ ! -e "$dir/refused.json" ] || jq -e --argjson id "${path##*/}" 'index($id) | not' "$dir/refused.json" >/dev/null || exit 1
    change --argjson id "${path##*/}" 'map(if .id == $id then .body = $body else . end)'
    ;;
*) exit 1 ;;
esac
SH
    chmod +x "$dir/bin/gh"
}
bodies_are() { # COUNT JQ MESSAGE; $ours is what ci/steps wrote
    jq -e --rawfile ours "$dir/steps/lp-ci.md" --argjson n "$1" "(\$ours | sub(\"\\n+\$\"; \"\")) as \$ours | length == \$n and ($2)" \
        "$dir/comments.json" >/dev/null || fails "$3: $(jq -c 'map(.body[:60])' "$dir/comments.json")"
}

posts() { PATH=$dir/bin:$PATH LP_FILES=platforms LP_KUBECTL_LP=$lp LP_OUT=$dir/steps LP_COMMENT=true LP_PULL_REQUEST=${1:-7} "$top/ci/steps" >"$dir/out" 2>&1; }

the_comment_of_an_earlier_run_is_changed_and_no_other() {
    rm -f "$dir/refused.json"
    fake_gh
    jq -n '[{id: 1, body: "<!-- lp-ci -->\nold"}, {id: 2, body: "of another tool, which quotes <!-- lp-ci -->"}]' >"$dir/comments.json"
    posts || fails "ci/steps: status $?: $(cat "$dir/out")"
    bodies_are 2 '.[0].body == $ours and (.[1].body | startswith("of another tool"))' "ci/steps changes another comment than its own"
    echo '[1]' >"$dir/refused.json"
    posts || fails "ci/steps: status $?: $(cat "$dir/out")"
    bodies_are 3 '.[2].body == $ours' "ci/steps writes no comment where the one of before may not be changed"
    posts || fails "ci/steps: status $?: $(cat "$dir/out")"
    bodies_are 3 '.[2].body == $ours' "ci/steps writes a third comment"
    ! posts 7/../8 || fails "ci/steps takes a path for the number of a pull request"
    has out 'LP_PULL_REQUEST is "7/../8"'
}

# Elements, fences and tables of the comment are all closed, whatever has no room.
a_comment_that_is_too_long_is_left_well_formed() {
    mkdir -p many
    for i in $(seq 40); do sed "s/^  name: english$/  name: english-$i/" platforms/english.yaml >"many/$i.yaml"; done
    looks 0 many --base main
    rm -r many
    counts 80 0
    python3 - "$dir/comment.md" <<'PY' || fails "the comment is too long or not well formed: $(tail -c 300 "$dir/comment.md")"
import re, sys
text = open(sys.argv[1], "rb").read()
assert 50000 < len(text) <= 60000, len(text)
lines, fence, folded = text.decode().splitlines(), None, 0
for line in lines:
    mark = re.match(r"`{3,}", line)
    if fence:
        fence = None if line == fence else fence
    elif mark:
        assert folded == 1, line
        fence = mark[0]
    else:
        folded += line.count("<details>") - line.count("</details>")
assert fence is None and folded == 0
assert "left out" in lines[-1] and any("render" in line and "many/40.yaml" in line for line in lines)
PY
    printf 'kind: LearningPlatform\nspec: <details> ```\n' >platforms/broken.yaml
    looks 1 platforms/broken.yaml
    ! grep -q '<details>' "$dir/comment.md" || fails "what is wrong opens an element: $(cat "$dir/comment.md")"
    rm platforms/broken.yaml
}

the_steps_need_an_environment_alone() {
    local status=0
    mkdir -p "$dir/bin"
    fake_gh
    jq -n '[{id: 1, body: "of another tool"}]' >"$dir/comments.json"
    PATH=$dir/bin:$PATH LP_FILES=platforms LP_BASE=main LP_KUBECTL_LP=$lp LP_OUT=$dir/steps LP_TRACES="$top/config/samples/traces/class-of-20.csv" \
        LP_MAX_POD_HOURS=0.01 LP_COMMENT=true LP_PULL_REQUEST=7 GITHUB_STEP_SUMMARY=$dir/summary GITHUB_OUTPUT=$dir/outputs \
        "$top/ci/steps" >"$dir/out" 2>&1 || status=$?
    [ "$status" = 1 ] || fails "ci/steps: status $status, wanted that of lp-ci: $(cat "$dir/out")"
    bodies_are 2 '.[0].body == "of another tool" and .[1].body == $ours' "ci/steps posts no comment"
    has summary '<!-- lp-ci -->'
    has outputs "junit=$dir/steps/lp-ci.xml"
    status=0
    # As ./release packs it: kubectl-lp starts what lies in lib/ beside it.
    mkdir -p "$dir/packed/lib"
    ln -s "$lp" "$dir/packed/lib/kubectl-lp"
    printf '#!/bin/sh\nexec "$(dirname "$(readlink -f "$0")")/lib/kubectl-lp" "$@"\n' >"$dir/packed/kubectl-lp"
    chmod +x "$dir/packed/kubectl-lp"
    tar -czf "$dir/plugin.tar.gz" -C "$dir/packed" kubectl-lp lib
    printf '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\ncp "%s/plugin.tar.gz" "$2"\n' "$dir" >"$dir/bin/curl"
    chmod +x "$dir/bin/curl"
    PATH=$dir/bin:$PATH LP_FILES=platforms LP_KUBECTL_LP=https://example.org/a.tar.gz LP_OUT=$dir/fetched \
        LP_SHA256=$(sha256sum <"$dir/plugin.tar.gz" | cut -d' ' -f1) "$top/ci/steps" >"$dir/out" 2>&1 || status=$?
    [ "$status" = 0 ] || fails "ci/steps with a tarball as ./release makes it: status $status: $(cat "$dir/out")"
    [ "$(ls "$dir/fetched")" = $'lp-ci.md\nlp-ci.xml' ] || fails "ci/steps leaves more than its results: $(ls "$dir/fetched")"
    status=0
    LP_FILES=platforms LP_KUBECTL_LP=https://127.0.0.1:1/a.tar.gz LP_OUT=$dir/steps "$top/ci/steps" >"$dir/out" 2>&1 || status=$?
    [ "$status" = 2 ] || fails "ci/steps fetches a plugin without a SHA-256"
    has out 'LP_SHA256 is ""'
}

the_action_passes_each_input_on() {
    python3 - "$top/ci/action.yml" "$top/ci/steps" <<'PY' || fails "ci/action.yml"
import re, sys, yaml
action, steps = yaml.safe_load(open(sys.argv[1])), open(sys.argv[2]).read()
step, = action["runs"]["steps"]
used = set(re.findall(r"inputs\.([\w-]+)", str(step["env"])))
assert used == set(action["inputs"]), used ^ set(action["inputs"])
assert all(i.get("required") or "default" in i for i in action["inputs"].values())
missing = [k for k in step["env"] if k.startswith("LP_") and k not in steps]
assert not missing, missing
assert "${{" not in step["run"], "an input must not be a part of a script"
PY
}

# kubectl lp install generate beside config/generate, with the same options; comments at the head apart.
options_of_install_do_what_they_do_in_the_repositorys_script() {
    local images=(--registry r.example.org/a --tag v9 --pull-policy Always --postgres-image r/p:1 --mongo-image r/m:1 --mongodb-auth false --class canary)
    "$top/config/generate" "${images[@]}" --cluster-namespace other --namespace one --watch-namespaces one,two --output "$dir/made"
    "$lp" install generate "${images[@]}" -n other | sed '1,/^---$/d' >"$dir/cluster.yaml"
    "$lp" install generate "${images[@]}" -n one --watch-namespaces one,two | sed '1,/^---$/d' >"$dir/some.yaml"
    [ -s "$dir/cluster.yaml" ] || fails "kubectl lp install generate writes nothing"
    sed '1,/^---$/d' "$dir/made/install.yaml" | diff - "$dir/cluster.yaml" || fails "kubectl lp install generate differs from config/generate"
    sed '1,/^---$/d' "$dir/made/install-namespaced.yaml" | diff - "$dir/some.yaml" || fails "the same with --watch-namespaces"
}

a_change_is_told_object_by_object
over_a_limit_is_a_failure
a_wrong_value_is_a_failure_with_field_and_limit
what_cannot_be_looked_at_is_status_2
a_comment_that_is_too_long_is_left_well_formed
the_comment_of_an_earlier_run_is_changed_and_no_other
the_steps_need_an_environment_alone
the_action_passes_each_input_on
options_of_install_do_what_they_do_in_the_repositorys_script
exit $bad
