/* cli/load/template.c -- see template.h. */
#include "cli/load/template.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "http/url.h"

#define MAX_PARTS 64

/* A literal, and the variable behind it (-1: none). */
struct part {
    size_t from, n;
    int variable;
};

struct template
{
    char *text;
    struct part parts[MAX_PARTS];
    size_t n;
};

int template_find(const struct template_names *names, const char *name, size_t len)
{
    for (int i = 0; i < names->n; i++)
        if (strlen(names->names[i]) == len && strncmp(names->names[i], name, len) == 0)
            return i;
    return -1;
}

/* The part that begins at *at; *at moves behind it. */
static int read_part(const struct template *t, const struct template_names *names, const char *path,
                     const char **at, struct part *ret, struct lp_error *err)
{
    const char *from = *at, *open = strstr(from, "${");
    struct part p = { .from = (size_t)(from - t->text), .n = strlen(from), .variable = -1 };

    *at = from + p.n;
    if (open) {
        const char *name = open + 2, *close = strchr(name, '}');
        if (!close)
            return lp_error_set(err, LP_E_INVALID, "%s: \"${\" without \"}\": \"%.64s\"", path,
                                open);
        p.n = (size_t)(open - from);
        p.variable = template_find(names, name, (size_t)(close - name));
        if (p.variable < 0)
            return lp_error_set(err, LP_E_INVALID,
                                "%s: ${%.*s} is neither email, password, learner, round, one of "
                                "values nor kept by a step",
                                path, (int)(close - name > 64 ? 64 : close - name), name);
        *at = close + 1;
    }
    *ret = p;
    return 0;
}

int template_new(const char *text, const struct template_names *names, const char *path,
                 struct template **ret, struct lp_error *err)
{
    struct template *t = lp_alloc(sizeof *t);
    const char *at = t->text = lp_strdup(text);
    int r = 0;

    while (r == 0 && *at) {
        if (t->n == MAX_PARTS)
            r = lp_error_set(err, LP_E_INVALID, "%s: must have at most %d of ${}, has more", path,
                             MAX_PARTS - 1);
        else
            r = read_part(t, names, path, &at, &t->parts[t->n++], err);
    }
    if (r < 0) {
        template_free(t);
        return r;
    }
    *ret = t;
    return 0;
}

void template_free(struct template *t)
{
    if (t)
        free(t->text);
    free(t);
}

bool template_uses(const struct template *t, int variable)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->parts[i].variable == variable)
            return true;
    return false;
}

static void write_json(const char *value, struct lp_buf *out)
{
    for (const char *p = value; *p; p++) {
        if (*p == '"' || *p == '\\')
            lp_buf_printf(out, "\\%c", *p);
        else if ((unsigned char)*p < 0x20)
            lp_buf_printf(out, "\\u%04x", (unsigned)*p);
        else
            lp_buf_char(out, *p);
    }
}

/* lp_url_segment begins with a slash, which the template itself has. */
static void write_path(const char *value, struct lp_buf *out)
{
    lp_auto_buf struct lp_buf segment = LP_BUF_INIT(16384);

    lp_url_segment(&segment, value);
    lp_buf_str(out, segment.len > 0 ? segment.ptr + 1 : "");
}

void template_write(const struct template *t, enum template_form form, const char *const *values,
                    struct lp_buf *out)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct part *p = &t->parts[i];
        const char *value = p->variable >= 0 ? values[p->variable] : NULL;
        lp_buf_add(out, t->text + p->from, p->n);
        if (value && form == TEMPLATE_JSON)
            write_json(value, out);
        else if (value)
            write_path(value, out);
    }
}
