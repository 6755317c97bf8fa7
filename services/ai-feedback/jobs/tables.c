/* services/ai-feedback/jobs/tables.c -- the versions of the table (lib/postgres/migrations.h). */
#include "services/ai-feedback/jobs/tables.h"

#include "base/alloc.h"
#include "postgres/migrations.h"

static const char *const versions[] = {
    /* `bytes`: what a row holds of text or result. */
    "CREATE SEQUENCE job_leases;"
    "CREATE TABLE jobs ("
    " id uuid PRIMARY KEY DEFAULT gen_random_uuid(),"
    " owner text NOT NULL CHECK (length(owner) <= 256),"
    " kind text NOT NULL CHECK (kind IN ('text')),"
    " key text CHECK (length(key) <= 255),"
    " digest bytea NOT NULL,"
    " text text,"
    " result text,"
    " reason text CHECK (length(reason) <= 600),"
    " bytes bigint NOT NULL,"
    " state text NOT NULL DEFAULT 'queued'"
    "  CHECK (state IN ('queued', 'running', 'done', 'failed')),"
    " attempts integer NOT NULL DEFAULT 0,"
    " run_at timestamptz NOT NULL DEFAULT now(),"
    " lease bigint,"
    " lease_until timestamptz,"
    " created_at timestamptz NOT NULL DEFAULT now(),"
    " finished_at timestamptz,"
    " expires_at timestamptz NOT NULL,"
    " CHECK ((text IS NOT NULL) = (state IN ('queued', 'running'))),"
    " CHECK ((result IS NOT NULL) = (state = 'done')),"
    " CHECK (state <> 'running' OR (lease IS NOT NULL AND lease_until IS NOT NULL)));"
    "CREATE UNIQUE INDEX jobs_key_key ON jobs (owner, key);"
    "CREATE INDEX jobs_run_key ON jobs (run_at) WHERE state IN ('queued', 'running');"
    "CREATE INDEX jobs_expiry_key ON jobs (expires_at);"
    /* One at a time, and each statement sees what is there by then: bounds hold exactly. */
    "CREATE FUNCTION add_job(who text, what text, its_key text, its_text text, of_owner bigint,"
    " at_all bigint, all_bytes bigint, wait interval)"
    " RETURNS TABLE (job uuid, outcome text) LANGUAGE plpgsql AS $$"
    "DECLARE mine bigint; n bigint; held bigint; its_digest bytea; BEGIN"
    " PERFORM pg_advisory_xact_lock(1819304810);"
    " its_digest := sha256(convert_to(what || ' ' || its_text, 'UTF8'));"
    " DELETE FROM jobs j WHERE j.owner = who AND j.expires_at <= now();"
    " RETURN QUERY SELECT j.id, CASE WHEN j.digest = its_digest THEN 'repeated' ELSE 'other' END"
    "  FROM jobs j WHERE j.owner = who AND j.key = its_key;"
    " IF FOUND THEN RETURN; END IF;"
    " SELECT count(*) FILTER (WHERE j.owner = who), count(*), coalesce(sum(j.bytes), 0)"
    "  INTO mine, n, held FROM jobs j WHERE j.expires_at > now();"
    " IF mine >= of_owner THEN RETURN QUERY SELECT NULL::uuid, 'owner'; RETURN; END IF;"
    " IF n >= at_all OR held + octet_length(its_text) > all_bytes THEN"
    "  RETURN QUERY SELECT NULL::uuid, 'full'; RETURN; END IF;"
    " RETURN QUERY INSERT INTO jobs (owner, kind, key, digest, text, bytes, expires_at)"
    "  VALUES (who, what, its_key, its_digest, its_text, octet_length(its_text), now() + wait)"
    "  RETURNING id, 'added';"
    "END$$;",
};

int tables_migrate(struct lp_db *db, struct lp_error *err)
{
    static const struct lp_migrations migrations = {
        .lock = 1819304809, /* "lpai" */
        .versions = versions,
        .n = LP_COUNT(versions),
    };
    return lp_db_migrate(db, &migrations, err);
}
