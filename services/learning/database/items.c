/*
 * services/learning/database/items.c -- what is written is written in one statement, so that it
 * happens as a whole; whether it makes a circle is looked at in one before. All values travel as
 * parameters. No state.
 */
#include "services/learning/database/items.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "postgres/rows.h"
#include "services/learning/database/answer.h"
#include "services/learning/database/change.h"
#include "services/learning/database/circle.h"
#include "services/learning/database/items_sql.h"

/* An item as clients get it. */
#define ITEM(i)                                              \
    i ".doc || jsonb_build_object('version', " i ".version," \
      " 'updatedAt', " LP_ROWS_TIME(i ".updated_at") ")"

static const struct lp_db_statement classes = {
    "classes",
    "SELECT coalesce(jsonb_agg(jsonb_build_object('name', c.name, 'label', c.label,"
    " 'subClassOf', c.parent, 'items', coalesce(n.n, 0)) ORDER BY c.name), '[]')"
    " FROM classes c LEFT JOIN (SELECT class, count(*) AS n FROM items WHERE NOT deleted"
    " GROUP BY class) n ON n.class = c.name",
    0, true
};

/* No row where it would be its own ancestor, or is one too many; which of these, the row tells. */
static const struct lp_db_statement put_class = {
    "put_class",
    "WITH RECURSIVE up AS (SELECT $3::text AS name UNION"
    " SELECT c.parent FROM classes c JOIN up ON c.name = up.name),"
    " circle AS (SELECT count(*) AS n FROM up WHERE name = $1::text),"
    " full_ AS (SELECT count(*) FILTER (WHERE name <> $1) >= $4::int AS yes FROM classes),"
    " put AS (INSERT INTO classes (name, label, parent)"
    "  SELECT $1, $2::text, $3 FROM circle, full_ WHERE circle.n = 0 AND NOT full_.yes"
    "  ON CONFLICT (name) DO UPDATE SET label = excluded.label, parent = excluded.parent)"
    "SELECT CASE WHEN circle.n > 0 THEN 'circle' WHEN full_.yes THEN 'full' ELSE '' END"
    " FROM circle, full_",
    4, true
};

static const struct lp_db_statement list = {
    "list",
    "WITH RECURSIVE c AS (SELECT name FROM classes WHERE name = $1::text UNION"
    " SELECT k.name FROM classes k JOIN c ON k.parent = c.name WHERE $3::boolean),"
    " page AS (SELECT i.id, " ITEM(
        "i") " AS doc FROM items i WHERE NOT i.deleted"
             "  AND i.class IN (SELECT name FROM c) AND i.id > $2::text ORDER BY i.id LIMIT "
             "$4::int + 1),"
             " shown AS (SELECT * FROM page ORDER BY id LIMIT $4::int)"
             "SELECT jsonb_build_object('instances',"
             " coalesce((SELECT jsonb_agg(doc ORDER BY id) FROM shown), '[]'), 'next',"
             " CASE WHEN (SELECT count(*) FROM page) > $4::int THEN (SELECT max(id) FROM shown) "
             "END)"
             " WHERE EXISTS (SELECT FROM c)",
    4, true
};

static const struct lp_db_statement get = {
    "get", "SELECT " ITEM("i") " FROM items i WHERE i.id = $1 AND NOT i.deleted", 1, true
};

/*
 * The documents, numbered as they stand, and all that they build on, numbered behind them; with
 * each relation as two numbers, $2 at most and one more. The relations of a document are its own,
 * not those that are stored. Each item is looked up once.
 */
static const struct lp_db_statement relations = {
    "relations",
    "WITH RECURSIVE d AS MATERIALIZED (SELECT e.doc->>'id' AS id, e.doc->'prerequisites' AS p, e.n"
    "  FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY e(doc, n)),"
    " mine AS (SELECT id, jsonb_array_elements_text(coalesce(d.p, '[]')) AS p FROM d),"
    " reach AS (SELECT p AS id FROM mine UNION SELECT up.id FROM reach JOIN LATERAL"
    "  (SELECT unnest(i.prerequisites) AS id FROM items i WHERE i.id = reach.id) up ON true),"
    " nodes AS MATERIALIZED (SELECT id, n FROM d UNION ALL"
    "  SELECT id, (SELECT count(*) FROM d) + row_number() OVER () FROM reach"
    "  WHERE id NOT IN (SELECT id FROM d)),"
    " edges AS (SELECT id, p FROM mine UNION ALL SELECT i.id, unnest(i.prerequisites)"
    "  FROM nodes JOIN items i USING (id) WHERE nodes.n > (SELECT count(*) FROM d)"
    "  LIMIT $2::int + 1)"
    "SELECT (SELECT count(*) FROM d), (SELECT count(*) FROM nodes), count(*),"
    " string_agg(a.n || ' ' || b.n, ' '), (SELECT changes FROM content_state)"
    " FROM edges JOIN nodes a ON a.id = edges.id JOIN nodes b ON b.id = edges.p",
    2, true
};

/* Of `up`; $2 the author. */
#define ITEMS_NOTE                                                       \
    "INSERT INTO item_versions (item_id, version, doc, deleted, author)" \
    " SELECT id, version, doc, false, $2::text FROM up"

/* $1 an array of documents, $4 as items_check_circle() has it. Whether nobody wrote meanwhile, and
 * how many were written. */
static const struct lp_db_statement put = {
    "put",
    "WITH" ITEMS_MOVED(
        "$4") ","
              " d AS (SELECT doc FROM jsonb_array_elements($1::jsonb) doc WHERE" ITEMS_IF_MOVED
              ")," ITEMS_UP ", v AS (" ITEMS_NOTE " RETURNING 1)"
              "SELECT (SELECT count(*) FROM moved), (SELECT count(*) FROM v)",
    4, false
};

static const struct lp_db_statement delete = {
    "delete",
    "WITH gone AS (UPDATE items SET deleted = true, version = version + 1, updated_at = now()"
    " WHERE id = $1 AND NOT deleted RETURNING id, version, doc)"
    "INSERT INTO item_versions (item_id, version, doc, deleted, author)"
    " SELECT id, version, doc, true, $2::text FROM gone",
    2, false
};

/* $3 as `put` has it; its row too. */
static const struct lp_db_statement undo = {
    "undo",
    "WITH" ITEMS_MOVED(
        "$3") ", d AS (SELECT v.doc, v.deleted, i.version FROM items i JOIN item_versions v"
              "  ON v.item_id = i.id AND v.version = i.version - 1"
              "  WHERE i.id = $1 AND" ITEMS_IF_MOVED "),"
              " up AS (UPDATE items i SET" ITEMS_SET
              ", deleted = d.deleted, version = i.version + 1,"
              "  updated_at = now() FROM d WHERE i.id = $1 AND i.version = d.version"
              "  RETURNING i.id, i.version, i.doc, i.deleted),"
              " v AS (INSERT INTO item_versions (item_id, version, doc, deleted, author)"
              "  SELECT id, version, doc, deleted, $2::text FROM up RETURNING 1)"
              "SELECT (SELECT count(*) FROM moved), (SELECT count(*) FROM v)",
    3, false
};

static const struct lp_db_statement list_versions = {
    "list_versions",
    "SELECT jsonb_agg(v.o ORDER BY v.version DESC) FROM (SELECT version, jsonb_build_object("
    " 'version', version, 'author', author, 'at', " LP_ROWS_TIME(
        "at") ", 'deleted', deleted,"
              " 'item', doc) AS o FROM item_versions WHERE item_id = $1 ORDER BY version DESC "
              "LIMIT 50) v"
              " HAVING count(*) > 0",
    1, true
};

/* Classes and items, all or none. Who starts at the same time waits for the table, and then finds
 * classes. */
static const struct lp_db_statement start = {
    "start",
    "WITH c AS (INSERT INTO classes (name, label, parent)"
    "  SELECT c->>'name', c->>'label', c->>'subClassOf'"
    "  FROM jsonb_array_elements($1::jsonb->'classes') c WHERE NOT EXISTS (SELECT FROM classes)"
    "  RETURNING name),"
    " d AS (SELECT doc FROM jsonb_array_elements($1::jsonb->'items') doc"
    "  WHERE EXISTS (SELECT FROM c))," ITEMS_UP ITEMS_NOTE,
    3, true
};

static const struct lp_db_statement before = {
    "before",
    "SELECT jsonb_build_array(v.doc) FROM items i JOIN item_versions v"
    " ON v.item_id = i.id AND v.version = i.version - 1 WHERE i.id = $1",
    1, true
};

int items_classes(struct lp_db *db, struct lp_buf *ret_json, struct lp_error *err)
{
    return answer_read(db, &classes, NULL, ret_json, err);
}

int items_put_class(struct lp_db *db, const char *name, const char *label, const char *parent,
                    struct lp_error *err)
{
    char most[12], why[8];
    snprintf(most, sizeof most, "%d", ITEMS_CLASSES);
    const char *params[] = { name, label, parent, most };
    int r = lp_rows_value(db, &put_class, params, why, sizeof why, err);
    if (r < 0)
        return r;
    if (strcmp(why, "circle") == 0)
        return lp_error_set(err, LP_E_CONFLICT, "subClassOf: %s would be below itself", name);
    if (strcmp(why, "full") == 0)
        return lp_error_set(err, LP_E_TOO_LARGE, "there are %d classes already, the most",
                            ITEMS_CLASSES);
    return 0;
}

int items_list(struct lp_db *db, const struct items_page *page, struct lp_buf *ret_json,
               struct lp_error *err)
{
    char limit[12];
    snprintf(limit, sizeof limit, "%d", page->limit);
    const char *params[] = { page->class, page->after ? page->after : "",
                             page->subclasses ? "true" : "false", limit };
    return answer_read(db, &list, params, ret_json, err);
}

int items_get(struct lp_db *db, const char *id, struct lp_buf *ret_json, struct lp_error *err)
{
    return answer_read(db, &get, (const char *[]){ id }, ret_json, err);
}

/* Number of a document that would be needed before itself, 0: there is none. */
static int circle_of(const PGresult *row)
{
    int n = (int)lp_rows_number(row, 0, 2);
    lp_auto_free struct relation *all = lp_calloc((size_t)n + 1, sizeof *all);
    char *at = (char *)lp_rows_text(row, 0, 3);

    for (int i = 0; i < n; i++) {
        all[i].item = (int)strtol(at, &at, 10);
        all[i].prerequisite = (int)strtol(at, &at, 10);
    }
    return circle_find(all, n, (int)lp_rows_number(row, 0, 1), (int)lp_rows_number(row, 0, 0));
}

static int refuse_circle(const char *documents, int number, struct lp_error *err)
{
    json_auto_t *all = json_loads(documents, 0, NULL);
    const json_t *item = json_array_get(all, (size_t)number - 1);
    return lp_error_set(err, LP_E_INVALID, "prerequisites: %s would have to be known before itself",
                        lp_json_str(item, "id", NULL));
}

int items_check_circle(struct lp_db *db, const char *documents, char ret_seen[ITEMS_SEEN],
                       struct lp_error *err)
{
    char most[12];
    PGresult *row = NULL;
    snprintf(most, sizeof most, "%d", ITEMS_RELATIONS);
    int r = lp_rows_first(db, &relations, (const char *[]){ documents, most }, LP_E_INTERNAL, &row,
                          err);
    if (r < 0)
        return r;
    bool too_many = lp_rows_number(row, 0, 2) > ITEMS_RELATIONS;
    int number = too_many ? 0 : circle_of(row);
    snprintf(ret_seen, ITEMS_SEEN, "%s", lp_rows_text(row, 0, 4));
    PQclear(row);
    if (too_many)
        return lp_error_set(err, LP_E_TOO_LARGE,
                            "prerequisites: what these items build on has more than %d relations",
                            ITEMS_RELATIONS);
    return number > 0 ? refuse_circle(documents, number, err) : 0;
}

struct put_order {
    const char *documents, *author, *version;
    long long n; /* written */
};

/* A change_try. */
static int try_put(struct lp_db *db, void *user, bool *ret_moved, struct lp_error *err)
{
    struct put_order *o = user;
    char seen[ITEMS_SEEN];
    PGresult *row = NULL;
    int r = items_check_circle(db, o->documents, seen, err);
    if (r == 0)
        r = lp_rows_first(db, &put, (const char *[]){ o->documents, o->author, o->version, seen },
                          LP_E_INTERNAL, &row, err);
    if (r < 0)
        return r;
    *ret_moved = lp_rows_number(row, 0, 0) > 0;
    o->n = lp_rows_number(row, 0, 1);
    PQclear(row);
    return 0;
}

int items_put(struct lp_db *db, const char *documents, const char *author, int version,
              struct lp_error *err)
{
    char text[12];
    struct put_order order = { .documents = documents, .author = author, .version = text };
    snprintf(text, sizeof text, "%d", version);
    int r = change_content(db, try_put, &order, err);
    if (r == 0 && version > 0 && order.n == 0)
        return lp_error_set(err, LP_E_CONFLICT, "version: %d is not the one that is there",
                            version);
    return r;
}

int items_delete(struct lp_db *db, const char *id, const char *author, struct lp_error *err)
{
    unsigned long n = 0;
    int r = lp_rows_run(db, &delete, (const char *[]){ id, author }, &n, err);
    return r == 0 && n == 0 ? lp_error_set(err, LP_E_NOT_FOUND, "delete: no such item") : r;
}

struct undo_order {
    const char *id, *author;
};

/* A change_try. LP_E_NOT_FOUND where there is no version before. */
static int try_undo(struct lp_db *db, void *user, bool *ret_moved, struct lp_error *err)
{
    const struct undo_order *o = user;
    char seen[ITEMS_SEEN];
    PGresult *row = NULL;
    int r = lp_rows_first(db, &before, &o->id, LP_E_NOT_FOUND, &row, err);
    if (r < 0)
        return r;
    r = items_check_circle(db, lp_rows_text(row, 0, 0), seen, err);
    PQclear(row);
    row = NULL;
    if (r == 0)
        r = lp_rows_first(db, &undo, (const char *[]){ o->id, o->author, seen }, LP_E_INTERNAL,
                          &row, err);
    if (r < 0)
        return r;
    *ret_moved = lp_rows_number(row, 0, 0) > 0 && lp_rows_number(row, 0, 1) > 0;
    PQclear(row);
    return 0;
}

int items_undo(struct lp_db *db, const char *id, const char *author, struct lp_error *err)
{
    struct undo_order order = { .id = id, .author = author };
    return change_content(db, try_undo, &order, err);
}

int items_versions(struct lp_db *db, const char *id, struct lp_buf *ret_json, struct lp_error *err)
{
    return answer_read(db, &list_versions, (const char *[]){ id }, ret_json, err);
}

int items_start(struct lp_db *db, const char *starter, struct lp_error *err)
{
    int r = lp_rows_run(db, &start, (const char *[]){ starter, "starter set", "0" }, NULL, err);
    return r == LP_E_EXISTS ? 0 : r; /* another pod was faster */
}
