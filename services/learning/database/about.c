/* services/learning/database/about.c -- by the index on tags. No state. */
#include "services/learning/database/about.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "postgres/rows.h"

/* $1 [{"tag","rating"}…]. */
static const struct lp_db_statement about = {
    "about",
    "SELECT i.id, min(t.rating) FROM jsonb_to_recordset($1::jsonb) AS t(tag text, rating int)"
    " CROSS JOIN LATERAL (SELECT id FROM items WHERE NOT deleted AND doc->'tags' ? t.tag"
    "  ORDER BY level, rank, id LIMIT $2::int) i GROUP BY i.id ORDER BY i.id LIMIT $3::int",
    3, true
};

/* As tags of every format may be written: Anki's hold no blanks. The caller's. */
static char *tag_of(const char *name)
{
    char *tag = lp_sprintf(ABOUT_TAG "%s", name);
    for (char *c = tag; *c; c++)
        if (*c == ' ')
            *c = '_';
    return tag;
}

int about_find(struct lp_db *db, const struct about_name *names, size_t n_names,
               struct about_item ret_items[ABOUT_MOST], size_t *ret_n, struct lp_error *err)
{
    json_auto_t *tags = json_array();
    char items[12], most[12];
    PGresult *rows = NULL;

    for (size_t i = 0; i < n_names; i++) {
        if (strlen(names[i].name) + strlen(ABOUT_TAG) > ABOUT_NAME)
            continue; /* longer than a tag */
        lp_auto_free char *tag = tag_of(names[i].name);
        json_array_append_new(tags,
                              lp_json_make("{s:s,s:i}", "tag", tag, "rating", names[i].rating));
    }
    *ret_n = 0;
    if (json_array_size(tags) == 0)
        return 0;
    lp_auto_free char *text = json_dumps(tags, JSON_COMPACT);
    snprintf(items, sizeof items, "%d", ABOUT_ITEMS);
    snprintf(most, sizeof most, "%d", ABOUT_MOST);
    int r = lp_db_run(db, &about, (const char *[]){ text, items, most }, &rows, err);
    if (r < 0)
        return r;
    for (int i = 0; i < PQntuples(rows) && i < ABOUT_MOST; i++) {
        struct about_item *item = &ret_items[(*ret_n)++];
        snprintf(item->id, sizeof item->id, "%s", lp_rows_text(rows, i, 0));
        item->rating = (enum fsrs_rating)lp_rows_number(rows, i, 1);
    }
    PQclear(rows);
    return 0;
}
