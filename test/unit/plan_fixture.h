/* test/unit/plan_fixture.h -- the plan of a platform whose spec is written as YAML. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "platform/plan.h"
#include "platform/plan_parts.h"
#include "platform/spec_decode.h"
#include "unit/check.h"
#include "unit/yaml.h"

static const struct plan_images images = {
    "registry.example/lp", "v1.2.3", "IfNotPresent", "docker.io/library/postgres:16",
    "mongo.example/m:7",   true,     false,          false
};

/* `object` keeps what the platform borrows. */
struct fixture {
    json_t *object;
    struct platform platform;
    struct plan plan;
};

/* The caller's, until drop(). No child is planned yet. */
static inline struct fixture *make(const char *spec)
{
    struct fixture *f = lp_alloc(sizeof *f);
    struct lp_error err;
    f->object = lp_json_make("{s:{s:s}, s:o}", "metadata", "name", "english", "spec", parse(spec));
    f->platform = (struct platform){ .ns = "learning",
                                     .name = "english",
                                     .uid = "11111111-2222-3333-4444-555555555555",
                                     .generation = 1,
                                     .images = &images };
    if (spec_decode(f->object, &f->platform.spec, &err) < 0)
        fail_msg("%s", err.msg);
    plan_init(&f->plan, &f->platform);
    return f;
}

static inline void drop(struct fixture *f)
{
    plan_done(&f->plan);
    json_decref(f->object);
    free(f);
}

/* NULL: there is none of that kind and name. */
static inline const struct child *find(const struct fixture *f, enum child_kind kind,
                                       const char *name)
{
    for (unsigned i = 0; i < f->plan.n; i++)
        if (f->plan.children[i].kind == kind && strcmp(f->plan.children[i].name, name) == 0)
            return &f->plan.children[i];
    return NULL;
}

static inline const json_t *container_of(const struct child *c)
{
    return json_array_get(lp_json_at(c->intent, "spec", "template", "spec", "containers", NULL), 0);
}
