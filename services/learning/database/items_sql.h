/* services/learning/database/items_sql.h -- parts of statements that write items. */
#pragma once

/* `moved` has a row where nobody changed items since items_check_circle(), whose number is the
 * parameter `p`; else the statement is to write nothing. */
#define ITEMS_MOVED(p)                                          \
    " moved AS (UPDATE content_state SET changes = changes + 1" \
    "  WHERE changes = " p "::bigint RETURNING 1)"
#define ITEMS_IF_MOVED " EXISTS (SELECT FROM moved)"

#define ITEMS_TEXTS(key) "ARRAY(SELECT jsonb_array_elements_text(coalesce(d.doc->'" key "', '[]')))"

/* `up`: items of the documents d are added or become a new version; where $3 is not 0, only those
 * whose version it is. */
#define ITEMS_UP                                                                                  \
    " up AS (INSERT INTO items AS i"                                                              \
    "  (id, class, level, rank, prerequisites, confusables, doc, version)"                        \
    "  SELECT d.doc->>'id', d.doc->>'class',"                                                     \
    "   array_position('{A1,A2,B1,B2,C1,C2}'::text[], d.doc->>'level'),"                          \
    "   coalesce((d.doc->>'rank')::int, 1000000)," ITEMS_TEXTS("prerequisites") "," ITEMS_TEXTS(  \
        "confusableWith") ", d.doc, 1 FROM d"                                                     \
                          "  WHERE $3::int = 0 OR EXISTS (SELECT FROM items WHERE id = "          \
                          "d.doc->>'id')"                                                         \
                          "  ON CONFLICT (id) DO UPDATE SET class = excluded.class, level = "     \
                          "excluded.level,"                                                       \
                          "   rank = excluded.rank, prerequisites = excluded.prerequisites,"      \
                          "   confusables = excluded.confusables, doc = excluded.doc, version = " \
                          "i.version + 1,"                                                        \
                          "   deleted = false, updated_at = now() WHERE $3 = 0 OR i.version = $3" \
                          "  RETURNING i.id, i.doc, i.version)"

/* What of an item follows from the document d.doc. */
#define ITEMS_SET                                                                    \
    " class = d.doc->>'class',"                                                      \
    " level = array_position('{A1,A2,B1,B2,C1,C2}'::text[], d.doc->>'level'),"       \
    " rank = coalesce((d.doc->>'rank')::int, 1000000),"                              \
    " prerequisites = " ITEMS_TEXTS("prerequisites") ", confusables = " ITEMS_TEXTS( \
        "confusableWith") ", doc = d.doc"
