/* services/learning/database/imports.c -- what is written is written in one statement, so that it
 * happens as a whole; what is looked at before it is another. No state.
 */
#include "services/learning/database/imports.h"

#include <stdio.h>

#include "postgres/rows.h"
#include "services/learning/database/answer.h"
#include "services/learning/database/change.h"
#include "services/learning/database/items.h"
#include "services/learning/database/items_sql.h"

/* $1 documents, $2 classes, $3 changes that are told. Behind the JSON: the first item without a
 * class that is there and that class, the first class without its parent, how many classes there
 * would be. */
static const struct lp_db_statement compare = {
    "compare",
    "WITH d AS (SELECT doc FROM jsonb_array_elements($1::jsonb) doc),"
    " n AS (SELECT c->>'name' AS name, c->>'label' AS label, c->>'subClassOf' AS parent"
    "  FROM jsonb_array_elements($2::jsonb) c),"
    " s AS (SELECT d.doc->>'id' AS id, CASE WHEN i.id IS NULL OR i.deleted THEN 'added'"
    "   WHEN i.doc = d.doc THEN 'same' ELSE 'changed' END AS change, i.doc AS old, d.doc AS new"
    "  FROM d LEFT JOIN items i ON i.id = d.doc->>'id'),"
    " told AS (SELECT id, change, CASE WHEN change = 'changed' THEN (SELECT jsonb_agg(k ORDER BY k)"
    "   FROM jsonb_object_keys(new) k WHERE new->k IS DISTINCT FROM old->k) END AS members"
    "  FROM s WHERE change <> 'same' ORDER BY id LIMIT $3::int),"
    " known AS (SELECT name FROM classes UNION SELECT name FROM n)"
    "SELECT jsonb_build_object('items', jsonb_build_object("
    "  'added', (SELECT count(*) FROM s WHERE change = 'added'),"
    "  'changed', (SELECT count(*) FROM s WHERE change = 'changed'),"
    "  'same', (SELECT count(*) FROM s WHERE change = 'same')),"
    " 'classes', jsonb_build_object("
    "  'added', coalesce((SELECT jsonb_agg(name ORDER BY name) FROM n"
    "   WHERE name NOT IN (SELECT name FROM classes)), '[]'),"
    "  'differ', coalesce((SELECT jsonb_agg(name ORDER BY name) FROM n JOIN classes c USING (name)"
    "   WHERE (n.label, n.parent) IS DISTINCT FROM (c.label, c.parent)), '[]')),"
    " 'changes', coalesce((SELECT jsonb_agg(jsonb_build_object('id', id, 'change', change,"
    "  'members', members) ORDER BY id) FROM told), '[]')),"
    " (SELECT min(d.doc->>'id') FROM d WHERE d.doc->>'class' NOT IN (SELECT name FROM known)),"
    " (SELECT d.doc->>'class' FROM d WHERE d.doc->>'class' NOT IN (SELECT name FROM known)"
    "  ORDER BY d.doc->>'id' LIMIT 1),"
    " (SELECT min(name) FROM n WHERE parent NOT IN (SELECT name FROM known)),"
    " (SELECT count(*) FROM known)",
    3, true
};

/* Classes $4, format $5, ITEMS_MOVED $6; documents, author and version ($3: 0) as ITEMS_UP has
 * them. Behind the JSON whether nobody wrote meanwhile. */
static const struct lp_db_statement apply = {
    "apply",
    "WITH" ITEMS_MOVED(
        "$6") ","
              " c AS (INSERT INTO classes (name, label, parent) SELECT c->>'name', c->>'label',"
              "  c->>'subClassOf' FROM jsonb_array_elements($4::jsonb) c WHERE" ITEMS_IF_MOVED
              "  ON CONFLICT DO NOTHING),"
              " d AS (SELECT e.doc FROM jsonb_array_elements($1::jsonb) e(doc) LEFT JOIN items i"
              "  ON i.id = e.doc->>'id' WHERE (i.id IS NULL OR i.deleted OR i.doc <> e.doc) "
              "AND" ITEMS_IF_MOVED "  ORDER BY e.doc->>'id'),"
              " m AS (INSERT INTO imports (author, format, items)"
              "  SELECT $2::text, $5::text, count(*) FROM d HAVING count(*) > 0 RETURNING "
              "id)," ITEMS_UP
              ", v AS (INSERT INTO item_versions (item_id, version, doc, deleted, author, import)"
              "  SELECT up.id, up.version, up.doc, false, $2, m.id FROM up, m RETURNING 1)"
              "SELECT jsonb_build_object('import', (SELECT id FROM m), 'items', (SELECT count(*) "
              "FROM v)),"
              " (SELECT count(*) FROM moved)",
    6, false
};

/* Versions of an import that are still the newest, each with what was before it. */
#define BEFORE                                                                          \
    " FROM item_versions v JOIN items i ON i.id = v.item_id AND i.version = v.version"  \
    " LEFT JOIN item_versions b ON b.item_id = v.item_id AND b.version = v.version - 1" \
    " WHERE v.import = $1::bigint"

static const struct lp_db_statement before_import = {
    "before_import",
    "SELECT (SELECT coalesce(jsonb_agg(jsonb_build_object('id', b.doc->'id', 'prerequisites',"
    "  b.doc->'prerequisites')) FILTER (WHERE NOT b.deleted), '[]')" BEFORE ")"
    " FROM imports WHERE id = $1 AND undone_at IS NULL",
    1, true
};

/* ITEMS_MOVED $3. The JSON, NULL where there is no such import, and whether nobody wrote meanwhile.
 */
static const struct lp_db_statement undo_import = {
    "undo_import",
    "WITH" ITEMS_MOVED(
        "$3") ","
              " m AS (UPDATE imports SET undone_at = now() WHERE id = $1::bigint AND undone_at IS "
              "NULL"
              "  AND" ITEMS_IF_MOVED " RETURNING id),"
              " d AS (SELECT i.id, i.version, coalesce(b.doc, i.doc) AS doc,"
              "  coalesce(b.deleted, true) AS deleted" BEFORE
              " AND EXISTS (SELECT FROM m) ORDER BY i.id),"
              " up AS (UPDATE items i SET" ITEMS_SET
              ", deleted = d.deleted, version = i.version + 1,"
              "  updated_at = now() FROM d WHERE i.id = d.id AND i.version = d.version"
              "  RETURNING i.id, i.version, i.doc, i.deleted),"
              " n AS (INSERT INTO item_versions (item_id, version, doc, deleted, author)"
              "  SELECT id, version, doc, deleted, $2::text FROM up RETURNING 1)"
              "SELECT (SELECT jsonb_build_object('import', m.id, 'undone', (SELECT count(*) FROM "
              "n), 'kept',"
              "  (SELECT count(*) FROM item_versions WHERE import = m.id) - (SELECT count(*) FROM "
              "n)) FROM m),"
              " (SELECT count(*) FROM moved)",
    3, false
};

static const struct lp_db_statement list_imports = {
    "list_imports",
    "SELECT coalesce(jsonb_agg(jsonb_build_object('import', id, "
    "'at', " LP_ROWS_TIME("at") ", 'author', author, 'format', format, 'items', "
                                "items, 'undoneAt', " LP_ROWS_TIME(
                                    "undone_at") ") ORDER BY id DESC), '[]') FROM "
                                                 "(SELECT * FROM imports ORDER BY "
                                                 "id DESC"
                                                 " LIMIT 50) i",
    0, true
};

static const struct lp_db_statement export_page = {
    "export_page",
    "WITH RECURSIVE c AS (SELECT name FROM classes WHERE name = $1::text UNION"
    " SELECT k.name FROM classes k JOIN c ON k.parent = c.name),"
    " page AS (SELECT i.id, i.doc FROM items i WHERE NOT i.deleted AND i.id > $2::text"
    "  AND ($1 IS NULL OR i.class IN (SELECT name FROM c)) ORDER BY i.id LIMIT $3::int + 1),"
    " shown AS (SELECT id, doc FROM (SELECT *, row_number() OVER (ORDER BY id) AS nr,"
    "  sum(octet_length(doc::text)) OVER (ORDER BY id) AS held FROM page) p"
    "  WHERE nr <= $3 AND (nr = 1 OR held <= $4::int))"
    "SELECT jsonb_build_object('items', coalesce((SELECT jsonb_agg(doc ORDER BY id) FROM shown),"
    " '[]'), 'next', CASE WHEN (SELECT count(*) FROM page) >"
    " (SELECT count(*) FROM shown) THEN (SELECT max(id) FROM shown) END)"
    " WHERE $1 IS NULL OR EXISTS (SELECT FROM c)",
    4, true
};

static int check_names(const PGresult *row, struct lp_error *err)
{
    const char *item = lp_rows_text(row, 0, 1), *orphan = lp_rows_text(row, 0, 3);
    if (item)
        return lp_error_set(err, LP_E_INVALID, "class: there is no class %s, which %s is of",
                            lp_rows_text(row, 0, 2), item);
    if (orphan)
        return lp_error_set(err, LP_E_INVALID, "subClassOf: that of %s is no class that is there",
                            orphan);
    if (lp_rows_number(row, 0, 4) > ITEMS_CLASSES)
        return lp_error_set(err, LP_E_INVALID, "there would be %lld classes, more than %d",
                            lp_rows_number(row, 0, 4), ITEMS_CLASSES);
    return 0;
}

static int look(struct lp_db *db, const struct import *i, char ret_seen[ITEMS_SEEN],
                struct lp_buf *ret_json, struct lp_error *err)
{
    char told[12];
    PGresult *row = NULL;
    snprintf(told, sizeof told, "%d", IMPORTS_TOLD);
    int r = items_check_circle(db, i->documents, ret_seen, err);
    if (r == 0)
        r = lp_rows_first(db, &compare, (const char *[]){ i->documents, i->classes, told },
                          LP_E_INTERNAL, &row, err);
    if (r == 0)
        r = check_names(row, err);
    if (r == 0)
        r = answer_take(&compare, row, ret_json, err);
    PQclear(row);
    return r;
}

int imports_compare(struct lp_db *db, const struct import *i, struct lp_buf *ret_json,
                    struct lp_error *err)
{
    char seen[ITEMS_SEEN];
    return look(db, i, seen, ret_json, err);
}

/* Runs a statement whose row has JSON, and whether nobody wrote since `seen`. */
static int write_json(struct lp_db *db, const struct lp_db_statement *s, const char *const *params,
                      bool *ret_moved, struct lp_buf *ret_json, struct lp_error *err)
{
    PGresult *row = NULL;
    int r = lp_rows_first(db, s, params, LP_E_INTERNAL, &row, err);
    if (r < 0)
        return r;
    *ret_moved = lp_rows_number(row, 0, 1) > 0;
    if (*ret_moved)
        r = lp_rows_text(row, 0, 0) ? answer_take(s, row, ret_json, err)
                                    : lp_error_set(err, LP_E_NOT_FOUND, "%s: not there", s->name);
    PQclear(row);
    return r;
}

struct apply_order {
    const struct import *import;
    struct lp_buf *told, *json;
};

/* A change_try. */
static int try_apply(struct lp_db *db, void *user, bool *ret_moved, struct lp_error *err)
{
    const struct apply_order *o = user;
    const struct import *i = o->import;
    char seen[ITEMS_SEEN];
    const char *params[] = { i->documents, i->author, "0", i->classes, i->format, seen };
    lp_buf_reset(o->told);
    int r = look(db, i, seen, o->told, err);
    return r < 0 ? r : write_json(db, &apply, params, ret_moved, o->json, err);
}

int imports_apply(struct lp_db *db, const struct import *i, struct lp_buf *ret_told,
                  struct lp_buf *ret_json, struct lp_error *err)
{
    struct apply_order order = { .import = i, .told = ret_told, .json = ret_json };
    return change_content(db, try_apply, &order, err);
}

struct undo_order {
    const char *id, *author;
    struct lp_buf *json;
};

/* A change_try. */
static int try_undo(struct lp_db *db, void *user, bool *ret_moved, struct lp_error *err)
{
    const struct undo_order *o = user;
    char seen[ITEMS_SEEN];
    const char *params[] = { o->id, o->author, seen };
    PGresult *row = NULL;
    int r = lp_rows_first(db, &before_import, params, LP_E_NOT_FOUND, &row, err);
    if (r == 0)
        r = items_check_circle(db, lp_rows_text(row, 0, 0), seen, err);
    PQclear(row);
    return r < 0 ? r : write_json(db, &undo_import, params, ret_moved, o->json, err);
}

int imports_undo(struct lp_db *db, int64_t id, const char *author, struct lp_buf *ret_json,
                 struct lp_error *err)
{
    char text[24];
    struct undo_order order = { .id = text, .author = author, .json = ret_json };
    snprintf(text, sizeof text, "%lld", (long long)id);
    return change_content(db, try_undo, &order, err);
}

int imports_list(struct lp_db *db, struct lp_buf *ret_json, struct lp_error *err)
{
    return answer_read(db, &list_imports, NULL, ret_json, err);
}

int imports_export(struct lp_db *db, const char *class, const char *after, int limit,
                   struct lp_buf *ret_json, struct lp_error *err)
{
    char most[12], bytes[12];
    snprintf(most, sizeof most, "%d", limit);
    snprintf(bytes, sizeof bytes, "%d", IMPORTS_PAGE);
    const char *params[] = { class, after ? after : "", most, bytes };
    return answer_read(db, &export_page, params, ret_json, err);
}
