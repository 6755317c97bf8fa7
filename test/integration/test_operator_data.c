/* test/integration/test_operator_data.c -- what a platform must not lose, and what is not its own,
 * on a real API server with its garbage collector and StatefulSet controller. */
#include "base/clock.h"
#include "integration/operator_fixture.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define CLAIM "data-english-postgres-0"

static const char *uid_of(const json_t *o)
{
    return lp_json_str(o, "metadata", "uid", NULL);
}

static const json_t *owner_of(const json_t *o)
{
    return json_array_get(lp_json_at(o, "metadata", "ownerReferences", NULL), 0);
}

static bool has_uid(const json_t *o, const void *want)
{
    return strcmp(uid_of(o), want) == 0;
}

/* A condition that says `message`. */
struct said {
    const char *type, *status, *message;
};

static bool says(const json_t *o, const void *want)
{
    const struct said *s = want;
    const json_t *c;
    size_t i;

    json_array_foreach(lp_json_at(o, "status", "conditions", NULL), i,
                       c) if (strcmp(lp_json_str(c, "type", NULL), s->type) == 0 &&
                              strcmp(lp_json_str(c, "status", NULL), s->status) == 0 &&
                              strstr(lp_json_str(c, "message", NULL), s->message)) return true;
    return false;
}

static void await_said(const char *type, const char *status, const char *message)
{
    struct said want = { type, status, message };
    json_decref(await(&lp_kube_platforms, "english", says, &want, message));
}

static void a_database_outlives_its_statefulset_and_its_platform(void **state)
{
    (void)state;
    create_platform("english", json_object());
    json_auto_t *claim = await(&lp_kube_volume_claims, CLAIM, exists, NULL, "there");
    json_auto_t *secret = await(&lp_kube_secrets, "english-postgres", exists, NULL, "there");
    assert_null(owner_of(claim));
    assert_string_equal(lp_json_str(owner_of(secret), "uid", NULL), uid_of(claim));

    json_auto_t *set = await(&lp_kube_stateful_sets, "english-postgres", exists, NULL, "there");
    ok(lp_kube_delete(client, &lp_kube_stateful_sets, ns, "english-postgres", NULL, &err));
    json_decref(
        await(&lp_kube_stateful_sets, "english-postgres", has_other_uid, uid_of(set), "made anew"));
    json_decref(await(&lp_kube_volume_claims, CLAIM, has_uid, uid_of(claim), "the same"));

    ok(lp_kube_delete(client, &lp_kube_platforms, ns, "english", NULL, &err));
    await_gone(&lp_kube_stateful_sets, "english-postgres");
    await_event("DatabaseKept");
    create_platform("english", json_object());
    await_event("DatabaseFound");
    json_decref(await(&lp_kube_volume_claims, CLAIM, has_uid, uid_of(claim), "found again"));
    json_decref(await(&lp_kube_secrets, "english-postgres", has_uid, uid_of(secret), "found"));
}

static void a_platform_replaced_at_once_keeps_its_database(void **state)
{
    (void)state;
    create_platform("english", json_object());
    json_auto_t *claim = await(&lp_kube_volume_claims, CLAIM, exists, NULL, "there");
    json_auto_t *set = await(&lp_kube_stateful_sets, "english-postgres", exists, NULL, "there");
    ok(lp_kube_delete(client, &lp_kube_platforms, ns, "english", NULL, &err));
    create_platform("english", json_object());
    json_auto_t *other = await(&lp_kube_stateful_sets, "english-postgres", has_other_uid,
                               uid_of(set), "not taken over");
    json_auto_t *platform = await(&lp_kube_platforms, "english", exists, NULL, "there");
    assert_string_equal(lp_json_str(owner_of(other), "uid", NULL), uid_of(platform));
    json_decref(await(&lp_kube_volume_claims, CLAIM, has_uid, uid_of(claim), "the same"));
}

static void with_ondelete_delete_a_database_goes_with_its_platform(void **state)
{
    (void)state;
    create_platform("english", parse_spec("{databases: {postgres: {onDelete: Delete}}}"));
    json_auto_t *claim = await(&lp_kube_volume_claims, CLAIM, exists, NULL, "there");
    assert_string_equal(lp_json_str(owner_of(claim), "kind", NULL), "LearningPlatform");
    ok(lp_kube_delete(client, &lp_kube_platforms, ns, "english", NULL, &err));
    await_gone(&lp_kube_secrets, "english-postgres");
    json_auto_t *kept =
        await(&lp_kube_volume_claims, "data-english-mongodb-0", exists, NULL, "still there");
    assert_null(lp_json_str(kept, "metadata", "deletionTimestamp", NULL));
}

/* As an operator before this one left it: the StatefulSet's controller made the claim. */
static void a_claim_that_an_older_operator_left_is_taken_as_it_is(void **state)
{
    json_auto_t *claim = parse_spec(
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: " CLAIM ", labels:"
        " {app.kubernetes.io/name: postgres, app.kubernetes.io/part-of: english}}, spec:"
        " {accessModes: [ReadWriteOnce], resources: {requests: {storage: 3Gi}}}}");
    json_auto_t *made = NULL;
    (void)state;
    lp_json_set_str(json_object_get(claim, "metadata"), "namespace", ns);
    ok(lp_kube_create(client, &lp_kube_volume_claims, claim, &made, &err));
    create_platform("english", json_object());
    json_auto_t *has = await_like(
        &lp_kube_volume_claims, CLAIM,
        parse_spec("{metadata: {labels: {app.kubernetes.io/managed-by: lp-operator}}, spec:"
                   " {resources: {requests: {storage: 3Gi}}}}"),
        "ours");
    assert_string_equal(uid_of(has), uid_of(made));
}

static void an_embedded_database_runs_until_its_service_is_ready_on_the_new_one(void **state)
{
    (void)state;
    create_platform("english", json_object());
    await_ready("english");
    edit_platform("english", parse_spec("{databases: {postgres: {mode: External, secretRef: {name:"
                                        " mistyped}}}}"));
    await_said("DatabaseKept", "True", "stays until every pod of english-auth is Ready");
    json_auto_t *set = await(&lp_kube_stateful_sets, "english-postgres", exists, NULL, "there");
    assert_null(lp_json_str(set, "metadata", "deletionTimestamp", NULL));
    await_ready("english");
    await_gone(&lp_kube_stateful_sets, "english-postgres");
    await_said("DatabaseKept", "True", "kubectl delete pvc " CLAIM " -n ");
    json_auto_t *claim = await(&lp_kube_volume_claims, CLAIM, exists, NULL, "still there");
    edit_platform("english",
                  parse_spec("{databases: {postgres: {mode: Embedded, secretRef: null}}}"));
    json_decref(await(&lp_kube_stateful_sets, "english-postgres", exists, NULL, "back"));
    json_decref(await(&lp_kube_volume_claims, CLAIM, has_uid, uid_of(claim), "the same"));
}

/* The StatefulSet as an older operator made it, by server-side apply of the whole. */
static json_t *as_applied(const json_t *live)
{
    static const char *const servers[] = { "managedFields", "resourceVersion", "uid", "generation",
                                           "creationTimestamp" };
    json_t *o = json_deep_copy(live);
    json_object_del(o, "status");
    for (size_t i = 0; i < LP_COUNT(servers); i++)
        json_object_del(json_object_get(o, "metadata"), servers[i]);
    return o;
}

static const struct lp_kube_apply_options by_operator = { .field_manager = "lp-operator",
                                                          .force = true };

static void a_held_statefulset_of_an_older_operator_keeps_its_volume(void **state)
{
    static const char retention[] = "persistentVolumeClaimRetentionPolicy";
    json_auto_t *after = NULL;
    (void)state;
    create_platform("english", json_object());
    edit_platform("english", parse_spec("{databases: {postgres: {mode: External, secretRef: {name:"
                                        " other}}}}"));
    await_said("DatabaseKept", "True", "stays until every pod of english-auth is Ready");
    json_auto_t *held = await(&lp_kube_stateful_sets, "english-postgres", exists, NULL, "there");
    json_auto_t *old = as_applied(held);
    lp_json_set_str(lp_json_at(old, "spec", retention, NULL), "whenDeleted", "Delete");
    ok(lp_kube_apply(client, &lp_kube_stateful_sets, old, &by_operator, &after, &err));
    assert_string_equal(lp_json_str(after, "spec", retention, "whenDeleted", NULL), "Delete");
    json_auto_t *kept =
        await_like(&lp_kube_stateful_sets, "english-postgres",
                   parse_spec("{spec: {persistentVolumeClaimRetentionPolicy: {whenDeleted:"
                              " Retain}}}"),
                   "kept");
    assert_true(has_uid(kept, uid_of(held))); /* and nothing restarts */
    assert_true(json_equal(lp_json_at(kept, "spec", "template", NULL),
                           lp_json_at(held, "spec", "template", NULL)));
}

/* As operators before this one made them: OrderedReady waits for ever for a pod of an older
 * template that is not Ready (kubernetes/kubernetes#67250). There is no kubelet, so it is not. */
static void a_statefulset_stuck_on_a_broken_pod_is_named_with_the_command_that_helps(void **state)
{
    (void)state;
    create_platform("english", json_object());
    edit_platform("english", parse_spec("{mode: Plan}"));
    json_auto_t *set = await(&lp_kube_stateful_sets, "english-postgres", exists, NULL, "there");
    json_auto_t *old = as_applied(set);
    lp_json_set_str(json_object_get(old, "spec"), "podManagementPolicy", "OrderedReady");
    ok(lp_kube_delete(client, &lp_kube_stateful_sets, ns, "english-postgres", NULL, &err));
    await_gone(&lp_kube_stateful_sets, "english-postgres");
    await_gone(&lp_kube_pods, "english-postgres-0");
    ok(lp_kube_apply(client, &lp_kube_stateful_sets, old, &by_operator, NULL, &err));
    json_decref(await_like(&lp_kube_stateful_sets, "english-postgres",
                           parse_spec("{status: {replicas: 1, updatedReplicas: 1}}"), "its pod"));
    edit_platform("english", parse_spec("{mode: Active, databases: {postgres: {resources:"
                                        " {requests: {cpu: 123m}}}}}"));
    lp_auto_free char *help = lp_sprintf("kubectl delete pod english-postgres-0 -n %s", ns);
    await_said("Degraded", "True", help);
    ok(lp_kube_delete(client, &lp_kube_pods, ns, "english-postgres-0", NULL, &err));
    await_said("Degraded", "False", "");
}

static bool is_marked(const json_t *o, const void *want)
{
    (void)want;
    return lp_json_str(o, "spec", "template", "metadata", "annotations",
                       "learningplatform.io/secret-database", NULL) != NULL;
}

static void a_secret_made_anew_rolls_the_database_and_then_its_service(void **state)
{
    (void)state;
    create_platform("english", json_object());
    json_auto_t *before = await(&lp_kube_secrets, "english-postgres", exists, NULL, "there");
    await_ready("english");
    ok(lp_kube_delete(client, &lp_kube_secrets, ns, "english-postgres", NULL, &err));
    ok(lp_kube_delete(client, &lp_kube_pods, ns, "english-postgres-0", NULL, &err));
    json_decref(await(&lp_kube_stateful_sets, "english-postgres", is_marked, NULL, "rolled"));
    json_decref(await(&lp_kube_secrets, "english-postgres", has_other_uid, uid_of(before), "new"));
    await_ready("english");
    json_auto_t *set = await(&lp_kube_stateful_sets, "english-postgres", exists, NULL, "there");
    json_auto_t *auth = await(&lp_kube_deployments, "english-auth", is_marked, NULL, "rolled too");
    static const char mark[] = "learningplatform.io/secret-database";
    assert_string_equal(
        lp_json_str(set, "spec", "template", "metadata", "annotations", mark, NULL),
        lp_json_str(auth, "spec", "template", "metadata", "annotations", mark, NULL));
}

static void put(const struct lp_kube_kind *kind, const char *yaml)
{
    json_auto_t *o = parse_spec(yaml);
    lp_json_set_str(json_object_get(o, "metadata"), "namespace", ns);
    ok(lp_kube_create(client, kind, o, NULL, &err));
}

static void an_object_of_somebody_else_is_left_alone_until_it_is_handed_over(void **state)
{
    (void)state;
    put(&lp_kube_config_maps, "{apiVersion: v1, kind: ConfigMap, metadata: {name: english-auth},"
                              " data: {theirs: yes indeed}}");
    put(&lp_kube_service_accounts,
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: english-progress, labels:"
        " {app.kubernetes.io/managed-by: lp-operator}}}");
    create_platform("english", json_object());
    await_said("NameConflict", "True", "english-progress");
    await_said("NameConflict", "True", "and 1 more objects");
    await_said("Ready", "False", "see NameConflict");
    json_auto_t *map = await(&lp_kube_config_maps, "english-auth", exists, NULL, "there");
    assert_null(owner_of(map));
    assert_null(lp_json_str(map, "data", "PORT", NULL));
    json_decref(await(&lp_kube_deployments, "english-auth", exists, NULL, "the rest goes on"));
    json_auto_t *adopt =
        parse_spec("{metadata: {annotations: {learningplatform.io/adopt: english}}}");
    ok(lp_kube_merge_patch(client, &lp_kube_config_maps, ns, "english-auth", NULL, adopt, NULL,
                           &err));
    ok(lp_kube_merge_patch(client, &lp_kube_service_accounts, ns, "english-progress", NULL, adopt,
                           NULL, &err));
    await_said("NameConflict", "False", "its own");
    json_auto_t *ours = await_like(&lp_kube_config_maps, "english-auth",
                                   parse_spec("{data: {PORT: '3000'}}"), "ours");
    assert_string_equal(lp_json_str(owner_of(ours), "kind", NULL), "LearningPlatform");
}

static void scaled_to_none_is_not_ready(void **state)
{
    (void)state;
    create_platform("english", json_object());
    await_ready("english");
    json_auto_t *none = parse_spec("{spec: {replicas: 0}}");
    ok(lp_kube_merge_patch(client, &lp_kube_deployments, ns, "english-auth", "scale", none, NULL,
                           &err));
    await_said("Ready", "False", "kubectl scale deployment/english-auth");
}

static void a_paused_deployment_is_named_with_the_command_that_helps(void **state)
{
    (void)state;
    create_platform("english", json_object());
    json_auto_t *pause = parse_spec("{spec: {paused: true}}");
    ok(lp_kube_merge_patch(client, &lp_kube_deployments, ns, "english-auth", NULL, pause, NULL,
                           &err));
    await_said("Degraded", "True", "kubectl rollout resume deployment/english-auth");
}

static void a_quota_is_told_as_one(void **state)
{
    static const struct lp_kube_kind quotas = {
        .group = "", .version = "v1", .kind = "ResourceQuota", .plural = "resourcequotas"
    };
    (void)state;
    put(&quotas, "{apiVersion: v1, kind: ResourceQuota, metadata: {name: small}, spec: {hard:"
                 " {count/services: '0', pods: '0'}}}");
    json_decref(await_like(&quotas, "small", parse_spec("{status: {hard: {pods: '0'}}}"), "seen"));
    put(&lp_kube_platforms, "{apiVersion: learningplatform.io/v1alpha1, kind: LearningPlatform,"
                            " metadata: {name: english}}");
    await_said("Degraded", "True", "kubectl describe quota -n ");
    ok(lp_kube_delete(client, &quotas, ns, "small", NULL, &err));
    json_decref(await(&lp_kube_services, "english-auth", exists, NULL, "made soon"));
}

#define test(f) cmocka_unit_test_setup(f, fixture_namespace)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_database_outlives_its_statefulset_and_its_platform),
        test(a_platform_replaced_at_once_keeps_its_database),
        test(with_ondelete_delete_a_database_goes_with_its_platform),
        test(a_claim_that_an_older_operator_left_is_taken_as_it_is),
        test(an_embedded_database_runs_until_its_service_is_ready_on_the_new_one),
        test(a_secret_made_anew_rolls_the_database_and_then_its_service),
        test(an_object_of_somebody_else_is_left_alone_until_it_is_handed_over),
        test(scaled_to_none_is_not_ready),
        test(a_held_statefulset_of_an_older_operator_keeps_its_volume),
        test(a_statefulset_stuck_on_a_broken_pod_is_named_with_the_command_that_helps),
        test(a_paused_deployment_is_named_with_the_command_that_helps),
        test(a_quota_is_told_as_one),
    };
    return cmocka_run_group_tests_name("operator_data", tests, fixture_begin, fixture_end);
}
