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
    /* `learner`: for whom the score is to be logged, as JSON. job_scores: those that the progress
     * service has not got yet. A worker of the version before passes over the level, and keeps no
     * score. */
    "ALTER TABLE jobs ADD level text CHECK (level IN ('A1', 'A2', 'B1', 'B2', 'C1', 'C2')),"
    " ADD learner jsonb CHECK (jsonb_typeof(learner) IN ('string', 'number'));"
    "CREATE FUNCTION let_go_of_job() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
    " NEW.learner := NULL; RETURN NEW; END$$;"
    "CREATE TRIGGER let_go_of_job BEFORE UPDATE ON jobs FOR EACH ROW"
    " WHEN (NEW.state IN ('done', 'failed')) EXECUTE FUNCTION let_go_of_job();"
    "CREATE TABLE job_scores ("
    " id uuid PRIMARY KEY," /* of the job, which may be gone */
    " learner jsonb NOT NULL,"
    " score integer NOT NULL CHECK (score BETWEEN 0 AND 100),"
    " feedback jsonb NOT NULL,"
    " created_at timestamptz NOT NULL DEFAULT now(),"
    " due_at timestamptz NOT NULL DEFAULT now());"
    "CREATE INDEX job_scores_due_key ON job_scores (due_at);"
    "CREATE FUNCTION add_job(who text, what text, its_key text, its_text text, of_owner bigint,"
    " at_all bigint, all_bytes bigint, wait interval, its_level text, its_learner jsonb)"
    " RETURNS TABLE (job uuid, outcome text) LANGUAGE plpgsql AS $$"
    "DECLARE mine bigint; n bigint; held bigint; its_digest bytea; BEGIN"
    " PERFORM pg_advisory_xact_lock(1819304810);"
    " its_digest := sha256(convert_to(what || ' ' || its_text, 'UTF8'));" /* as before */
    " IF its_level IS NOT NULL THEN"
    "  its_digest := sha256(its_digest || convert_to(its_level, 'UTF8')); END IF;"
    " IF its_learner #>> '{}' <> who THEN" /* an admin's, for somebody */
    "  its_digest := sha256(its_digest || convert_to(its_learner #>> '{}', 'UTF8')); END IF;"
    " DELETE FROM jobs j WHERE j.owner = who AND j.expires_at <= now();"
    " RETURN QUERY SELECT j.id, CASE WHEN j.digest = its_digest THEN 'repeated' ELSE 'other' END"
    "  FROM jobs j WHERE j.owner = who AND j.key = its_key;"
    " IF FOUND THEN RETURN; END IF;"
    " SELECT count(*) FILTER (WHERE j.owner = who), count(*), coalesce(sum(j.bytes), 0)"
    "  INTO mine, n, held FROM jobs j WHERE j.expires_at > now();"
    " IF mine >= of_owner THEN RETURN QUERY SELECT NULL::uuid, 'owner'; RETURN; END IF;"
    " IF n >= at_all OR held + octet_length(its_text) > all_bytes THEN"
    "  RETURN QUERY SELECT NULL::uuid, 'full'; RETURN; END IF;"
    " RETURN QUERY INSERT INTO jobs (owner, kind, key, digest, text, level, learner, bytes,"
    "  expires_at) VALUES (who, what, its_key, its_digest, its_text, its_level, its_learner,"
    "  octet_length(its_text), now() + wait) RETURNING id, 'added';"
    "END$$;",
    /* A text may come with the recording of who read it aloud. Programs of the versions before take
     * whatever is first by run_at and lease_until, which therefore are never there for such a job:
     * `ready_at` is when it may be taken, and that of a text as well. job_scores.kind: what the
     * score is of; a program of before sends it as that of a text. */
    "ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check;"
    "ALTER TABLE jobs ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('text', 'pronunciation')),"
    " ADD l1 text CHECK (length(l1) BETWEEN 2 AND 35),"
    " ADD audio bytea,"
    " ADD ready_at timestamptz,"
    " ADD CHECK ((audio IS NOT NULL) ="
    "  (kind = 'pronunciation' AND state IN ('queued', 'running')));"
    "ALTER TABLE jobs ALTER audio SET STORAGE EXTERNAL;" /* it would not get smaller */
    "CREATE OR REPLACE FUNCTION let_go_of_job() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
    " NEW.audio := NULL; NEW.learner := NULL; RETURN NEW; END$$;"
    "CREATE FUNCTION time_job() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
    " IF NEW.state = 'queued' AND NEW.run_at < 'infinity' THEN NEW.ready_at := NEW.run_at;"
    " ELSIF NEW.state = 'running' AND NEW.lease_until < 'infinity' THEN"
    "  NEW.ready_at := NEW.lease_until; END IF;"
    " IF NEW.kind <> 'text' THEN NEW.run_at := 'infinity'; END IF;"
    " IF NEW.kind <> 'text' AND NEW.lease_until IS NOT NULL THEN"
    "  NEW.lease_until := 'infinity'; END IF;"
    " RETURN NEW; END$$;"
    "CREATE TRIGGER time_job BEFORE INSERT OR UPDATE ON jobs FOR EACH ROW"
    " EXECUTE FUNCTION time_job();"
    "UPDATE jobs SET run_at = run_at WHERE state IN ('queued', 'running');"
    "CREATE INDEX jobs_ready_key ON jobs (ready_at) WHERE state IN ('queued', 'running');"
    "ALTER TABLE job_scores ADD kind text NOT NULL DEFAULT 'text';"
    "CREATE FUNCTION add_job(who text, what text, its_key text, its_text text, of_owner bigint,"
    " at_all bigint, all_bytes bigint, wait interval, its_level text, its_learner jsonb,"
    " its_audio bytea, its_l1 text, owner_audio bigint, all_audio bigint)"
    " RETURNS TABLE (job uuid, outcome text) LANGUAGE plpgsql AS $$"
    "DECLARE mine bigint; n bigint; held bigint; heard bigint; heard_of_mine bigint;"
    " its_digest bytea; recorded bigint := coalesce(octet_length(its_audio), 0);"
    " its_bytes bigint := octet_length(its_text) + recorded; BEGIN"
    " PERFORM pg_advisory_xact_lock(1819304810);"
    " its_digest := sha256(convert_to(what || ' ' || its_text, 'UTF8'));" /* as before */
    " IF its_level IS NOT NULL THEN"
    "  its_digest := sha256(its_digest || convert_to(its_level, 'UTF8')); END IF;"
    " IF its_learner #>> '{}' <> who THEN" /* an admin's, for somebody */
    "  its_digest := sha256(its_digest || convert_to(its_learner #>> '{}', 'UTF8')); END IF;"
    " IF its_audio IS NOT NULL THEN its_digest := sha256(its_digest || sha256(its_audio) ||"
    "  convert_to(coalesce(its_l1, ''), 'UTF8')); END IF;"
    " DELETE FROM jobs j WHERE j.owner = who AND j.expires_at <= now();"
    " RETURN QUERY SELECT j.id, CASE WHEN j.digest = its_digest THEN 'repeated' ELSE 'other' END"
    "  FROM jobs j WHERE j.owner = who AND j.key = its_key;"
    " IF FOUND THEN RETURN; END IF;"
    " SELECT count(*) FILTER (WHERE j.owner = who), count(*), coalesce(sum(j.bytes), 0),"
    "  coalesce(sum(j.bytes) FILTER (WHERE j.audio IS NOT NULL), 0),"
    "  coalesce(sum(j.bytes) FILTER (WHERE j.audio IS NOT NULL AND j.owner = who), 0)"
    "  INTO mine, n, held, heard, heard_of_mine FROM jobs j WHERE j.expires_at > now();"
    " IF mine >= of_owner THEN RETURN QUERY SELECT NULL::uuid, 'owner'; RETURN; END IF;"
    " IF recorded > 0 AND heard_of_mine + its_bytes > owner_audio THEN"
    "  RETURN QUERY SELECT NULL::uuid, 'audio'; RETURN; END IF;"
    " IF n >= at_all OR held + its_bytes > all_bytes"
    "  OR (recorded > 0 AND heard + its_bytes > all_audio) THEN"
    "  RETURN QUERY SELECT NULL::uuid, 'full'; RETURN; END IF;"
    " RETURN QUERY INSERT INTO jobs (owner, kind, key, digest, text, level, learner, audio, l1,"
    "  bytes, expires_at) VALUES (who, what, its_key, its_digest, its_text, its_level,"
    "  its_learner, its_audio, its_l1, its_bytes, now() + wait) RETURNING id, 'added';"
    "END$$;",
};

int tables_migrate_to(struct lp_db *db, size_t version, struct lp_error *err)
{
    const struct lp_migrations migrations = {
        .lock = 1819304809, /* "lpai" */
        .versions = versions,
        .n = version < LP_COUNT(versions) ? version : LP_COUNT(versions),
    };
    return lp_db_migrate(db, &migrations, err);
}

int tables_migrate(struct lp_db *db, struct lp_error *err)
{
    return tables_migrate_to(db, LP_COUNT(versions), err);
}
