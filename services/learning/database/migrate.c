/* services/learning/database/migrate.c -- the versions of the tables (lib/postgres/migrations.h).
 */
#include "services/learning/database/migrate.h"

#include "base/alloc.h"
#include "postgres/migrations.h"

static const char *const versions[] = {
    /* An item's document is kept whole; the columns beside it are what is searched by. Times of
     * reviews are wall milliseconds. A learner's row is the lock of all that is theirs: who
     * writes a review names the version of the row that they saw. */
    "CREATE TABLE classes ("
    " name text PRIMARY KEY CHECK (length(name) <= 64),"
    " label text NOT NULL CHECK (length(label) <= 200),"
    " parent text REFERENCES classes);"
    "CREATE TABLE items ("
    " id text PRIMARY KEY CHECK (length(id) <= 64),"
    " class text NOT NULL REFERENCES classes,"
    " level smallint NOT NULL CHECK (level BETWEEN 1 AND 6),"
    " rank integer NOT NULL,"
    " prerequisites text[] NOT NULL,"
    " confusables text[] NOT NULL,"
    " doc jsonb NOT NULL,"
    " version integer NOT NULL,"
    " deleted boolean NOT NULL DEFAULT false,"
    " updated_at timestamptz NOT NULL DEFAULT now());"
    "CREATE INDEX items_class_key ON items (class, id);"
    "CREATE INDEX items_level_key ON items (level, rank, id) WHERE NOT deleted;"
    "CREATE TABLE item_versions ("
    " item_id text NOT NULL REFERENCES items,"
    " version integer NOT NULL,"
    " doc jsonb NOT NULL,"
    " deleted boolean NOT NULL,"
    " author text NOT NULL,"
    " at timestamptz NOT NULL DEFAULT now(),"
    " PRIMARY KEY (item_id, version));"
    "CREATE TABLE learners ("
    " learner text PRIMARY KEY CHECK (length(learner) <= 256),"
    " reviews bigint NOT NULL,"
    " day integer NOT NULL,"
    " day_ms bigint NOT NULL);"
    "CREATE TABLE states ("
    " learner text NOT NULL,"
    " item_id text NOT NULL REFERENCES items,"
    " difficulty double precision NOT NULL,"
    " stability double precision NOT NULL,"
    " stage smallint NOT NULL,"
    " step smallint NOT NULL,"
    " last_ms bigint NOT NULL,"
    " due_ms bigint NOT NULL,"
    " reviews integer NOT NULL,"
    " model text NOT NULL,"
    " PRIMARY KEY (learner, item_id));"
    "CREATE INDEX states_due_key ON states (learner, due_ms);"
    "CREATE TABLE reviews ("
    " id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " learner text NOT NULL,"
    " item_id text NOT NULL REFERENCES items,"
    " key text NOT NULL CHECK (length(key) <= 255),"
    " rating smallint NOT NULL CHECK (rating BETWEEN 1 AND 4),"
    " at_ms bigint NOT NULL,"
    " duration_ms integer NOT NULL,"
    " predicted double precision NOT NULL,"
    " model text NOT NULL,"
    " received_at timestamptz NOT NULL DEFAULT now());"
    "CREATE UNIQUE INDEX reviews_key_key ON reviews (learner, key);"
    "CREATE INDEX reviews_item_key ON reviews (learner, item_id, at_ms, id);"
    /* Reviews are added and, with all of a learner's data, erased; nobody changes one. */
    "CREATE FUNCTION reviews_stay() RETURNS trigger LANGUAGE plpgsql AS"
    " $$BEGIN RAISE EXCEPTION 'reviews are not changed'; END$$;"
    "CREATE TRIGGER reviews_stay BEFORE UPDATE ON reviews"
    " FOR EACH STATEMENT EXECUTE FUNCTION reviews_stay();",
    /* What is offered, and what came of it: no text. Numbers of features stand in a row. */
    "ALTER TABLE states ADD COLUMN ratings integer NOT NULL DEFAULT 0;"
    "UPDATE states s SET ratings = (SELECT sum(rating) FROM reviews r"
    " WHERE r.learner = s.learner AND r.item_id = s.item_id);"
    "ALTER TABLE learners ADD COLUMN level double precision NOT NULL DEFAULT 1,"
    " ADD COLUMN bandit text, ADD COLUMN bandit_model text, ADD COLUMN last_item text;"
    "CREATE TABLE decisions ("
    " id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " at timestamptz NOT NULL DEFAULT now(),"
    " learner text NOT NULL,"
    " policy text NOT NULL,"
    " arm text NOT NULL,"
    " model text NOT NULL,"
    " fresh integer NOT NULL,"
    " slots integer NOT NULL,"
    " mean_x text NOT NULL,"
    " first_x text NOT NULL);"
    "CREATE INDEX decisions_at_key ON decisions (at);"
    "CREATE INDEX decisions_learner_key ON decisions (learner);"
    "CREATE TABLE offers ("
    " decision bigint NOT NULL REFERENCES decisions ON DELETE CASCADE,"
    " learner text NOT NULL,"
    " item_id text NOT NULL,"
    " place integer NOT NULL,"
    " propensity double precision NOT NULL,"
    " x text NOT NULL,"
    " reward double precision,"
    " PRIMARY KEY (decision, item_id));"
    "CREATE INDEX offers_open_key ON offers (learner, item_id, decision) WHERE reward IS NULL;",
    /* Each statement of a function sees what is there by then: once the learner's row is locked, no
     * review of theirs is on its way that it would miss. */
    "CREATE FUNCTION erase_learner(who text) RETURNS bigint LANGUAGE plpgsql AS $$"
    "DECLARE n bigint; BEGIN"
    " INSERT INTO learners (learner, reviews, day, day_ms) VALUES (who, 0, 0, 0)"
    "  ON CONFLICT DO NOTHING;"
    " PERFORM FROM learners WHERE learner = who FOR UPDATE;"
    " DELETE FROM states WHERE learner = who;"
    " DELETE FROM decisions WHERE learner = who;"
    " DELETE FROM reviews WHERE learner = who;"
    " GET DIAGNOSTICS n = ROW_COUNT;"
    " DELETE FROM learners WHERE learner = who;"
    " RETURN n; END$$;",
    /* What came with one document, so that it can be undone as a whole. */
    "CREATE TABLE imports ("
    " id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " at timestamptz NOT NULL DEFAULT now(),"
    " author text NOT NULL,"
    " format text NOT NULL,"
    " items integer NOT NULL,"
    " undone_at timestamptz);"
    "ALTER TABLE item_versions ADD COLUMN import bigint REFERENCES imports;"
    "CREATE INDEX item_versions_import_key ON item_versions (import) WHERE import IS NOT NULL;",
    /* For what scores and edits are about. */
    "CREATE INDEX items_tags_key ON items USING gin ((doc->'tags')) WHERE NOT deleted;",
    /* Who changes items names the number that was there when prerequisites were looked at. */
    "CREATE TABLE content_state ("
    " single boolean PRIMARY KEY DEFAULT true CHECK (single),"
    " changes bigint NOT NULL);"
    "INSERT INTO content_state (changes) VALUES (0);",
    "ALTER TABLE learners ADD COLUMN forgetting text, ADD COLUMN forgetting_model text;",
    /* What a recommendation reads of each item, without taking the document apart. */
    "ALTER TABLE items ADD COLUMN phrase text GENERATED ALWAYS AS (doc->>'phrase') STORED,"
    " ADD COLUMN seconds integer GENERATED ALWAYS AS ((doc->>'seconds')::integer) STORED;"
    /* NULL: counted among the reviews (RECALLED_OF). Writing every state held up all who read. */
    "ALTER TABLE states ADD COLUMN recalled integer;",
    /* Of each review that is looked at the item is looked up: two pages, where the tree has four.
     */
    "CREATE INDEX items_id_hash ON items USING hash (id);",
};

int migrate_run(struct lp_db *db, struct lp_error *err)
{
    static const struct lp_migrations migrations = {
        .lock = 1819307109, /* "lple" */
        .versions = versions,
        .n = LP_COUNT(versions),
    };
    return lp_db_migrate(db, &migrations, err);
}
