/* cli/load/scenario_read.c -- a scenario from YAML, by tables; see scenario.h. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "cli/load/scenario.h"
#include "json/decode.h"
#include "json/json.h"
#include "json/yaml.h"
#include "json/yaml_line.h"

#define MAX_VALUES 10000
#define MAX_TEXT 65536
#define PATH 160

struct raw_scenario {
    const char *accounts;
    json_t *values, *setup, *steps, *shape;
};

static const char *const accounts[] = { "one", "each", NULL };
static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE", NULL };

static const struct lp_json_field scenario_fields[] = {
    { .key = "accounts",
      .type = LP_JSON_STRING,
      .offset = offsetof(struct raw_scenario, accounts),
      .one_of = accounts },
    { .key = "values", .type = LP_JSON_OBJECT, .offset = offsetof(struct raw_scenario, values) },
    { .key = "setup",
      .type = LP_JSON_ARRAY,
      .offset = offsetof(struct raw_scenario, setup),
      .max = SCENARIO_STEPS },
    { .key = "steps",
      .type = LP_JSON_ARRAY,
      .offset = offsetof(struct raw_scenario, steps),
      .required = true,
      .min = 1,
      .max = SCENARIO_STEPS },
    { .key = "shape",
      .type = LP_JSON_ARRAY,
      .offset = offsetof(struct raw_scenario, shape),
      .min = 2,
      .max = SHAPE_POINTS },
    { .key = NULL }
};

struct raw_step {
    const char *name, *method, *path, *has;
    json_t *body, *think, *keep, *statuses;
    bool token;
    int64_t weight;
};

static const struct lp_json_field expect_fields[] = { { .key = "status",
                                                        .type = LP_JSON_ARRAY,
                                                        .offset =
                                                            offsetof(struct raw_step, statuses),
                                                        .min = 1,
                                                        .max = SCENARIO_STATUSES },
                                                      { .key = "has",
                                                        .type = LP_JSON_STRING,
                                                        .offset = offsetof(struct raw_step, has),
                                                        .min = 1,
                                                        .max = 128 },
                                                      { .key = NULL } };

static const struct lp_json_field step_fields[] = {
    { .key = "name",
      .type = LP_JSON_STRING,
      .offset = offsetof(struct raw_step, name),
      .required = true,
      .min = 1,
      .max = 40 },
    { .key = "method",
      .type = LP_JSON_STRING,
      .offset = offsetof(struct raw_step, method),
      .one_of = methods },
    { .key = "path",
      .type = LP_JSON_STRING,
      .offset = offsetof(struct raw_step, path),
      .required = true,
      .min = 1,
      .max = 2048 },
    { .key = "body", .type = LP_JSON_ANY, .offset = offsetof(struct raw_step, body) },
    { .key = "token", .type = LP_JSON_BOOL, .offset = offsetof(struct raw_step, token) },
    { .key = "weight",
      .type = LP_JSON_INT,
      .offset = offsetof(struct raw_step, weight),
      .min = 1,
      .max = 1000 },
    { .key = "thinkTime", .type = LP_JSON_ANY, .offset = offsetof(struct raw_step, think) },
    /* in place: its fields have offsets of the step */
    { .key = "expect", .type = LP_JSON_OBJECT, .offset = 0, .fields = expect_fields },
    { .key = "keep", .type = LP_JSON_OBJECT, .offset = offsetof(struct raw_step, keep) },
    { .key = NULL }
};

/* A number of [least, most]. */
static int read_number(const json_t *v, double least, double most, const char *path, double *ret,
                       struct lp_error *err)
{
    double d = json_is_number(v) ? json_number_value(v) : -1;

    if (!json_is_number(v) || !(d >= least) || !(d <= most))
        return lp_error_set(err, LP_E_INVALID, "%s: must be a number of %g..%g", path, least, most);
    *ret = d;
    return 0;
}

static int read_think(const json_t *v, const char *path, struct scenario_step *s,
                      struct lp_error *err)
{
    char at[PATH];

    snprintf(at, sizeof at, "%s.thinkTime", path);
    if (!json_is_array(v)) {
        int r = v ? read_number(v, 0, 3600, at, &s->think_min, err) : 0;
        s->think_max = s->think_min;
        return r;
    }
    if (json_array_size(v) != 2)
        return lp_error_set(err, LP_E_INVALID,
                            "%s: must be seconds, or a list of the least and the most", at);
    int r = read_number(json_array_get(v, 0), 0, 3600, at, &s->think_min, err);
    if (r < 0)
        return r;
    return read_number(json_array_get(v, 1), s->think_min, 3600, at, &s->think_max, err);
}

static int read_statuses(const json_t *list, const char *path, struct scenario_step *s,
                         struct lp_error *err)
{
    const json_t *v;
    size_t i;

    json_array_foreach((json_t *)list, i, v)
    {
        json_int_t status = json_integer_value(v);
        if (!json_is_integer(v) || status < 100 || status > 599)
            return lp_error_set(err, LP_E_INVALID,
                                "%s.expect.status[%zu]: must be an integer of 100..599", path, i);
        s->statuses[s->n_statuses++] = (int)status;
    }
    return 0;
}

static bool is_name(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return n > 0 && n <= 40 && s[n] == '\0';
}

/* Gives a name a number, or finds the one that it has. */
static int add_name(struct scenario *s, const char *name, const char *path, struct lp_error *err)
{
    int i = template_find(&s->names, name, strlen(name));

    if (i >= 0)
        return i;
    if (!is_name(name))
        return lp_error_set(err, LP_E_INVALID,
                            "%s: a name must have 1..40 letters, digits, _ or -, is \"%.64s\"",
                            path, name);
    if (s->names.n == TEMPLATE_VARIABLES)
        return lp_error_set(err, LP_E_INVALID, "%s: at most %d variables", path,
                            TEMPLATE_VARIABLES);
    s->names.names[s->names.n] = name;
    return s->names.n++;
}

static int read_keeps(struct scenario *s, json_t *keeps, const char *path, struct scenario_step *st,
                      struct lp_error *err)
{
    const char *key;
    json_t *v;
    char at[PATH];

    json_object_foreach(keeps, key, v)
    {
        snprintf(at, sizeof at, "%s.keep.%.64s", path, key);
        int i = add_name(s, key, at, err);
        if (i < 0)
            return i;
        if (i < SCENARIO_TOKEN || s->values[i])
            return lp_error_set(err, LP_E_INVALID, "%s: has a value already", at);
        if (!json_is_string(v) || !*json_string_value(v))
            return lp_error_set(err, LP_E_INVALID,
                                "%s: must be where it stands in the answer, as in user.id", at);
        if (st->n_keeps == SCENARIO_KEEPS)
            return lp_error_set(err, LP_E_INVALID, "%s: at most %d in a step", at, SCENARIO_KEEPS);
        st->keeps[st->n_keeps++] =
            (struct scenario_keep){ .from = json_string_value(v), .variable = i };
    }
    return 0;
}

static int read_body(const struct scenario *s, const json_t *body, const char *path,
                     struct scenario_step *st, struct lp_error *err)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(MAX_TEXT);
    char at[PATH];

    snprintf(at, sizeof at, "%s.body", path);
    if (!body)
        return 0;
    if (!json_is_object(body) && !json_is_array(body))
        return lp_error_set(err, LP_E_INVALID, "%s: must be an object or a list", at);
    lp_json_write_unsorted(body, &text);
    if (text.overflowed)
        return lp_error_set(err, LP_E_INVALID, "%s: must have at most %d bytes", at, MAX_TEXT);
    return template_new(text.ptr, &s->names, at, &st->body, err);
}

/* What of a step needs no variable. Names of keeps are known after it. */
static int read_step(struct scenario *s, json_t *v, const char *path, struct scenario_step *st,
                     struct raw_step *raw, struct lp_error *err)
{
    int r = lp_json_decode(v, step_fields, true, path, raw, err);

    if (r < 0)
        return r;
    if (!is_name(raw->name))
        return lp_error_set(err, LP_E_INVALID,
                            "%s.name: must have letters, digits, _ or -, is \"%.40s\"", path,
                            raw->name);
    if (raw->path[0] != '/' || strpbrk(raw->path, " \t\r\n#"))
        return lp_error_set(err, LP_E_INVALID,
                            "%s.path: must begin with / and have no blank or #, is \"%.64s\"", path,
                            raw->path);
    *st = (struct scenario_step){ .name = raw->name,
                                  .method = raw->method ? raw->method
                                            : raw->body ? "POST"
                                                        : "GET",
                                  .token = raw->token,
                                  .weight = raw->weight,
                                  .has = raw->has };
    r = read_think(raw->think, path, st, err);
    if (r == 0)
        r = read_statuses(raw->statuses, path, st, err);
    return r == 0 ? read_keeps(s, raw->keep, path, st, err) : r;
}

struct list {
    const char *name;
    json_t *items;
    struct scenario_step *steps;
    int *n;
    struct raw_step raw[SCENARIO_STEPS];
};

static int read_list(struct scenario *s, struct list *l, struct lp_error *err)
{
    json_t *v;
    size_t i;
    char path[PATH];

    json_array_foreach(l->items, i, v)
    {
        snprintf(path, sizeof path, "scenario.%s[%zu]", l->name, i);
        l->raw[i] = (struct raw_step){ 0 };
        int r = read_step(s, v, path, &l->steps[i], &l->raw[i], err);
        *l->n = (int)i + 1;
        if (r < 0)
            return r;
    }
    return 0;
}

static int compile_list(struct scenario *s, struct list *l, struct lp_error *err)
{
    char path[PATH], at[PATH + 8];

    for (int i = 0; i < *l->n; i++) {
        snprintf(path, sizeof path, "scenario.%s[%d]", l->name, i);
        snprintf(at, sizeof at, "%s.path", path);
        int r = template_new(l->raw[i].path, &s->names, at, &l->steps[i].path, err);
        if (r == 0)
            r = read_body(s, l->raw[i].body, path, &l->steps[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_values(struct scenario *s, json_t *values, struct lp_error *err)
{
    const char *key;
    json_t *list, *v;
    size_t k;
    char at[PATH];

    json_object_foreach(values, key, list)
    {
        snprintf(at, sizeof at, "scenario.values.%.64s", key);
        int i = add_name(s, key, at, err);
        if (i < 0)
            return i;
        if (i <= SCENARIO_TOKEN)
            return lp_error_set(err, LP_E_INVALID, "%s: has a value already", at);
        if (json_array_size(list) < 1 || json_array_size(list) > MAX_VALUES)
            return lp_error_set(err, LP_E_INVALID, "%s: must be a list of 1..%d strings", at,
                                MAX_VALUES);
        json_array_foreach(list, k, v) if (!json_is_string(v)) return lp_error_set(
            err, LP_E_INVALID, "%s[%zu]: must be a string", at, k);
        s->values[i] = list;
    }
    return 0;
}

static int read_point(const json_t *v, size_t i, struct shape *shape, struct lp_error *err)
{
    struct {
        json_t *at, *load;
    } raw = { NULL, NULL };
    const struct lp_json_field fields[] = {
        { .key = "at", .type = LP_JSON_ANY, .offset = 0, .required = true },
        { .key = "load", .type = LP_JSON_ANY, .offset = sizeof(json_t *), .required = true },
        { .key = NULL }
    };
    struct shape_point *p = &shape->points[i];
    char path[PATH], at[PATH + 8];

    snprintf(path, sizeof path, "scenario.shape[%zu]", i);
    int r = lp_json_decode(v, fields, true, path, &raw, err);
    if (r < 0)
        return r;
    snprintf(at, sizeof at, "%s.at", path);
    r = read_number(raw.at, i > 0 ? p[-1].at : 0, i > 0 ? 1 : 0, at, &p->at, err);
    if (r < 0)
        return r;
    snprintf(at, sizeof at, "%s.load", path);
    return read_number(raw.load, 0, 1, at, &p->load, err);
}

static int read_shape(struct scenario *s, json_t *list, struct lp_error *err)
{
    json_t *v;
    size_t i;

    json_array_foreach(list, i, v)
    {
        int r = read_point(v, i, &s->shape, err);
        if (r < 0)
            return r;
    }
    s->shape.n = (int)json_array_size(list);
    s->has_shape = s->shape.n > 0;
    if (s->has_shape && s->shape.points[s->shape.n - 1].at < 1)
        return lp_error_set(err, LP_E_INVALID, "scenario.shape[%d].at: the last must be 1, is %g",
                            s->shape.n - 1, s->shape.points[s->shape.n - 1].at);
    if (s->has_shape && shape_total(&s->shape) <= 0)
        return lp_error_set(err, LP_E_INVALID, "scenario.shape: must have some load, has none");
    return 0;
}

static int read_steps(struct scenario *s, const struct raw_scenario *raw, struct lp_error *err)
{
    lp_auto_free struct list *lists = lp_calloc(2, sizeof *lists);

    lists[0].name = "setup", lists[0].items = raw->setup;
    lists[0].steps = s->setup, lists[0].n = &s->n_setup;
    lists[1].name = "steps", lists[1].items = raw->steps;
    lists[1].steps = s->steps, lists[1].n = &s->n_steps;
    int r = read_list(s, &lists[0], err);
    if (r == 0)
        r = read_list(s, &lists[1], err);
    if (r == 0)
        r = compile_list(s, &lists[0], err);
    return r == 0 ? compile_list(s, &lists[1], err) : r;
}

static int read_scenario(struct scenario *s, struct lp_error *err)
{
    static const char *const known[] = { "email", "password", "learner", "round", "token" };
    struct raw_scenario raw = { 0 };

    for (size_t i = 0; i < LP_COUNT(known); i++)
        s->names.names[s->names.n++] = known[i];
    int r = lp_json_decode(s->document, scenario_fields, true, "scenario", &raw, err);
    if (r < 0)
        return r;
    s->account_each = raw.accounts && strcmp(raw.accounts, "each") == 0;
    r = read_values(s, raw.values, err);
    if (r == 0)
        r = read_steps(s, &raw, err);
    return r == 0 ? read_shape(s, raw.shape, err) : r;
}

/* "scenario.steps[2].x: unknown field" gets its source and line. */
static int place(const char *bytes, size_t len, const char *what, struct lp_error *err)
{
    const char *field = strchr(err->msg, '.');
    size_t n = strcspn(err->msg, ": ");
    char path[256] = "";

    if (field && field < err->msg + n)
        snprintf(path, sizeof path, "%.*s", (int)(err->msg + n - field - 1), field + 1);
    return lp_error_wrap(err, "%.200s: line %zu", what, lp_yaml_line(bytes, len, path));
}

int scenario_parse(const char *bytes, size_t len, const char *what, struct scenario **ret,
                   struct lp_error *err)
{
    json_auto_t *documents = NULL;

    int r = lp_yaml_parse(bytes, len, LP_LIMIT_CONFIG_BYTES, what, &documents, err);
    if (r < 0)
        return r;
    if (json_array_size(documents) != 1)
        return lp_error_set(err, LP_E_INVALID, "%.200s: must be one document, has %zu", what,
                            json_array_size(documents));
    struct scenario *s = lp_alloc(sizeof *s);
    s->document = json_incref(json_array_get(documents, 0));
    r = read_scenario(s, err);
    if (r < 0) {
        scenario_free(s);
        return place(bytes, len, what, err);
    }
    *ret = s;
    return 0;
}
