/* services/auth/database/migrate.c -- the versions of the tables (lib/postgres/migrations.h). */
#include "services/auth/database/migrate.h"

#include "base/alloc.h"
#include "postgres/migrations.h"

static const char *const versions[] = {
    /* Tokens are kept as SHA-256. A session is one login; its tokens follow each other. */
    "CREATE TABLE users ("
    " id uuid PRIMARY KEY DEFAULT gen_random_uuid(),"
    " email text NOT NULL CHECK (length(email) <= 254),"
    " password text NOT NULL,"
    " name text NOT NULL,"
    " bio text CHECK (length(bio) <= 500),"
    " avatar_url text,"
    " phone text CHECK (length(phone) <= 20),"
    " address text CHECK (length(address) <= 200),"
    " role text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),"
    " email_verified_at timestamptz,"
    " created_at timestamptz NOT NULL DEFAULT now(),"
    " updated_at timestamptz NOT NULL DEFAULT now());"
    "CREATE UNIQUE INDEX users_email_key ON users (lower(email));"
    "CREATE TABLE sessions ("
    " id uuid PRIMARY KEY DEFAULT gen_random_uuid(),"
    " user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,"
    " created_at timestamptz NOT NULL DEFAULT now(),"
    " expires_at timestamptz NOT NULL,"
    " revoked_at timestamptz);"
    "CREATE INDEX sessions_user_key ON sessions (user_id, created_at);"
    "CREATE TABLE refresh_tokens ("
    " token_hash bytea PRIMARY KEY,"
    " session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,"
    " expires_at timestamptz NOT NULL,"
    " used_at timestamptz);"
    "CREATE INDEX refresh_tokens_session_key ON refresh_tokens (session_id);",
    /* The successor of a used token can be made again from it and its times. Failures are found by
     * a hash of account, of address, and of both. */
    "ALTER TABLE users ADD COLUMN disabled_at timestamptz;"
    "ALTER TABLE users DROP CONSTRAINT users_role_check;"
    "ALTER TABLE users ADD CONSTRAINT users_role_check"
    " CHECK (role IN ('user', 'teacher', 'admin'));"
    "ALTER TABLE sessions ADD COLUMN device text, ADD COLUMN last_used_at timestamptz;"
    "ALTER TABLE refresh_tokens ADD COLUMN successor bytea,"
    " ADD COLUMN issued_s bigint, ADD COLUMN expires_s bigint;"
    "CREATE TABLE login_failures ("
    " key bytea PRIMARY KEY,"
    " failures integer NOT NULL,"
    " last_at timestamptz NOT NULL);"
    "CREATE INDEX login_failures_last_key ON login_failures (last_at);",
    /* Mails wait without their code, which is made when one is sent; codes are kept as SHA-256.
     * mailed_at: when the last three mails to this account were asked for. */
    "ALTER TABLE users ADD COLUMN mailed_at timestamptz[] NOT NULL DEFAULT '{}';"
    "CREATE INDEX users_created_key ON users (created_at, id);"
    "CREATE TABLE mails ("
    " id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,"
    " kind text NOT NULL CHECK (kind IN ('verify', 'reset')),"
    " created_at timestamptz NOT NULL DEFAULT now(),"
    " due_at timestamptz NOT NULL DEFAULT now(),"
    " attempts integer NOT NULL DEFAULT 0,"
    " sent_at timestamptz);"
    "CREATE INDEX mails_due_key ON mails (due_at) WHERE sent_at IS NULL;"
    "CREATE INDEX mails_user_key ON mails (user_id);"
    "CREATE TABLE codes ("
    " code_hash bytea PRIMARY KEY,"
    " user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,"
    " kind text NOT NULL,"
    " expires_at timestamptz NOT NULL,"
    " used_at timestamptz);"
    "CREATE INDEX codes_user_key ON codes (user_id);"
    "CREATE TABLE pictures ("
    " id uuid PRIMARY KEY DEFAULT gen_random_uuid(),"
    " user_id uuid NOT NULL UNIQUE REFERENCES users ON DELETE CASCADE,"
    " type text NOT NULL,"
    " bytes bytea NOT NULL);"
    /* No reference to users: what a deleted account did stays known. */
    "CREATE TABLE audit_events ("
    " id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " at timestamptz NOT NULL DEFAULT now(),"
    " event text NOT NULL,"
    " actor uuid,"
    " subject uuid,"
    " address text,"
    " request_id text,"
    " detail text);"
    "CREATE INDEX audit_events_subject_key ON audit_events (subject, id);"
    "CREATE INDEX audit_events_at_key ON audit_events (at);",
    /* A learner's erasure, which other services take part in; its id is the receipt. */
    "CREATE TABLE erasures ("
    " id uuid PRIMARY KEY DEFAULT gen_random_uuid(),"
    " user_id uuid NOT NULL UNIQUE,"
    " asked_by uuid NOT NULL,"
    " asked_at timestamptz NOT NULL DEFAULT now(),"
    " due_at timestamptz NOT NULL DEFAULT now(),"
    " attempts integer NOT NULL DEFAULT 0,"
    " done_at timestamptz);"
    "CREATE INDEX erasures_due_key ON erasures (due_at) WHERE done_at IS NULL;",
    /* Once more when no token of before is good any longer: what was written in between goes. */
    "ALTER TABLE erasures ADD COLUMN swept_at timestamptz;"
    "UPDATE erasures SET swept_at = done_at;"
    "DROP INDEX erasures_due_key;"
    "CREATE INDEX erasures_due_key ON erasures (due_at) WHERE swept_at IS NULL;",
    /* Who an account is at an issuer: one subject of each. role: what the map gave at the last
     * login. A state is here from the end of its login until it expires. */
    "CREATE TABLE identities ("
    " issuer text NOT NULL CHECK (length(issuer) <= 1024),"
    " subject text NOT NULL CHECK (length(subject) <= 255),"
    " user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,"
    " role text,"
    " created_at timestamptz NOT NULL DEFAULT now(),"
    " last_login_at timestamptz NOT NULL DEFAULT now(),"
    " PRIMARY KEY (issuer, subject),"
    " UNIQUE (user_id, issuer));"
    "CREATE TABLE oidc_states ("
    " state_hash bytea PRIMARY KEY,"
    " expires_at timestamptz NOT NULL);"
    "CREATE INDEX oidc_states_expires_key ON oidc_states (expires_at);",
};

int migrate_run(struct lp_db *db, struct lp_error *err)
{
    static const struct lp_migrations migrations = {
        .lock = 1819304309, /* "lpau" */
        .versions = versions,
        .n = LP_COUNT(versions),
    };
    return lp_db_migrate(db, &migrations, err);
}
